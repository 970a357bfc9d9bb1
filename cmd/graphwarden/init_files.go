package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/policy"
)

const (
	firstChange    = "first-change.sh"
	firstGroup     = "6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"
	protectedGroup = "0b0b0b0b-1111-4222-8333-444444444444"
)

// settingsFile is every setting with its help and default, all but the useful ones commented out.
func settingsFile() string {
	useful := map[string]string{"policy": "[policies]", "data": "[rules.yaml]"}
	var b strings.Builder
	b.WriteString("# The settings of graphwarden serve and run in this folder. A flag goes over its variable (--log-level:\n" +
		"# GRAPHWARDEN_LOG_LEVEL), that over this file. \"graphwarden config\" prints what is in force and why.\n# Paths start from this folder.\n")
	table := config.Table()
	for i := range table {
		set := &table[i]
		fmt.Fprintf(&b, "\n# %s", set.Help)
		if len(set.Choices) > 0 {
			fmt.Fprintf(&b, "\n# one of %s", strings.Join(set.Choices, ", "))
		}
		value, mark := exampleValue(set), "# "
		if use, ok := useful[set.Name]; ok {
			value, mark = use, ""
		}
		fmt.Fprintf(&b, "\n%s%s: %s\n", mark, set.Name, value)
	}
	return b.String()
}

// exampleValue is the default, and where there is none a value of the right form.
func exampleValue(set *config.Setting) string {
	switch {
	case set.Default != "":
		return `"` + set.Default + `"`
	case set.Kind == config.Bool:
		return "false"
	case len(set.Choices) > 0:
		return set.Choices[0]
	case set.List:
		return "[" + set.Arg + "]"
	}
	return set.Arg
}

// levelsFile is every rule of the library with its level and, as a comment, what it says and the values that tune it.
func levelsFile(ctx context.Context) (string, error) {
	engine, err := policy.Load(ctx, policy.Options{})
	if err != nil {
		return "", fmt.Errorf("read the rule library: %w", err)
	}
	var b strings.Builder
	b.WriteString("# The level of every rule of the library: deny, warn, audit (noted only) or off. Change what your organisation wants\n" +
		"# otherwise; a line that is taken out is at the library's own level again.\nrules:\n")
	for _, r := range engine.Rules() {
		fmt.Fprintf(&b, "  # %s\n", strings.ReplaceAll(r.Title, "\n", " "))
		names := make([]string, len(r.Parameters))
		for i, p := range r.Parameters {
			names[i] = p.Name
		}
		fmt.Fprintf(&b, "  %s: {level: %q}", r.ID, r.Level)
		if len(names) > 0 {
			fmt.Fprintf(&b, " # is tuned by %s", strings.Join(names, ", "))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n# What the rules in policies/ read.\nlocal:\n  protected_groups:\n    - %s # an example\n", protectedGroup)
	return b.String(), nil
}

const localRules = `# Rules of your own. They join the library; "graphwarden config" shows which folders are read, and the tests beside
# them run whenever they are loaded.
package graphwarden.rules.local

# METADATA
# title: Some groups are not for scripts
# custom:
#   id: local.protected_group
#   level: deny
deny contains {
	"id": "local.protected_group",
	"msg": sprintf("group %s is changed by hand only", [target.id]),
	"pointer": concat("", ["/request/body", target.pointer]),
	"fix": "make the change in the portal, or take the group out of local.protected_groups in rules.yaml",
} if {
	some target in input.graph.targets
	target.type in {"group", "exclusion_group"}
	target.id in data.local.protected_groups
}

# METADATA
# title: All users and all devices go through a filter
# custom:
#   id: local.everybody
#   level: deny
deny contains {
	"id": "local.everybody",
	"msg": sprintf("the change reaches %s without a filter", [replace(target.type, "_", " ")]),
	"pointer": concat("", ["/request/body", target.pointer]),
	"fix": "name a filter, or a group",
} if {
	some target in input.graph.targets
	target.type in {"all_users", "all_devices"}
	target.filter.mode == "none"
}
`

const localTests = `package graphwarden.rules.local_test

import data.graphwarden.rules.local

change(target) := {"graph": {"targets": [object.union(
	{"type": "group", "id": "6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e", "filter": {"id": null, "mode": "none"}, "pointer": "/target"},
	target,
)]}}

test_an_ordinary_group_passes if {
	count(local.deny) == 0 with input as change({}) with data.local.protected_groups as ["0b0b0b0b-1111-4222-8333-444444444444"]
}

test_a_protected_group_is_denied if {
	some v in local.deny with input as change({"id": "0b0b0b0b-1111-4222-8333-444444444444"})
		with data.local.protected_groups as ["0b0b0b0b-1111-4222-8333-444444444444"]
	v.id == "local.protected_group"
}

test_all_users_with_a_filter_pass if {
	count(local.deny) == 0 with input as change({"type": "all_users", "id": null, "filter": {"id": "f", "mode": "include"}})
}

test_all_users_without_one_are_denied if {
	some v in local.deny with input as change({"type": "all_users", "id": null})
	v.id == "local.everybody"
}
`

// A recording in progress has another name; what is finished belongs in the repository.
const cassetteIgnore = `*.partial
*.partial.old
.*.yaml.*
`

const cassetteAttributes = `# Recordings are made by a program: the same bytes on every system, folded in reviews, never merged line by line.
*.yaml text eol=lf linguist-generated=true merge=binary
`

const firstChangeScript = `# A first change: it assigns an eSIM pool to a group. sh ` + firstChange + ` [GROUP]. Delete it when you have scripts of your own.
group=${1:-` + firstGroup + `}
curl -sS -X PATCH -H "$(graphwarden token mint --output header)" -H 'Content-Type: application/json' \
  -d '{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"'"$group"'"}}' \
  https://graph.microsoft.com/beta/deviceManagement/embeddedSIMActivationCodePools/pool-1/assignments/assignment-1
echo
`

// A workflow replays every cassette that has a script of its name.
type workflow struct{ system, path, text string }

const replayAll = `for cassette in cassettes/*.yaml; do
  graphwarden run --mode replay --strict --cassette "$cassette" -- sh "$(basename "$cassette" .yaml).sh"
done`

var workflows = []workflow{
	{"github", ".github/workflows/graphwarden.yml", `# Replays the cassettes: no tenant, no secret. A rule that changes, or a script, turns it red.
name: graphwarden

on:
  push:
  pull_request:

permissions:
  contents: read

jobs:
  replay:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-go@v5
        with:
          go-version: "1.26"
      - run: go install github.com/graphwarden/graphwarden/cmd/graphwarden@latest
      - run: |
` + indent(replayAll, "          ")},
	{"azure", "azure-pipelines.yml", `# Replays the cassettes: no tenant, no secret. A rule that changes, or a script, turns it red.
trigger:
  - main

pool:
  vmImage: ubuntu-latest

steps:
  - task: GoTool@0
    inputs:
      version: "1.26.0"
  - script: go install github.com/graphwarden/graphwarden/cmd/graphwarden@latest
  - bash: |
      set -euo pipefail
      PATH=$PATH:$(go env GOPATH)/bin
` + indent(replayAll, "      ")},
	{"gitlab", ".gitlab-ci.yml", `# Replays the cassettes: no tenant, no secret. A rule that changes, or a script, turns it red.
graphwarden:
  image: golang:1.26
  script:
    - go install github.com/graphwarden/graphwarden/cmd/graphwarden@latest
    - |
      set -eu
` + indent(replayAll, "      ")},
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(text, "\n", "\n"+by) + "\n"
}
