// Package policies is the rule library: Rego modules, the defaults of their settings and the schema of the input
// document, embedded into the binary. The Rego in this folder runs unchanged under stock OPA.
//
// It holds no Go but the embedding; internal/policy compiles and evaluates it.
package policies

import "embed"

// Library is the rule library: the entry point verdict.rego, helpers in lib, rules in rules, the defaults in data.yaml,
// the schema of the input document in input.schema.json, and the library's own tests.
//
//go:embed *.rego lib/*.rego rules/*.rego data.yaml input.schema.json
var Library embed.FS
