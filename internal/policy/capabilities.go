package policy

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// allowedBuiltins are the built-ins a policy may call: those whose result depends on nothing but their operands.
// It is an allow-list, so that a built-in which a later OPA adds stays out until somebody has looked at it. Absent on
// purpose: whatever reaches the network, the environment, the clock or a source of randomness, and signing.
const allowedBuiltins = `
abs all and any array.concat array.flatten array.reverse array.slice assign base64.decode base64.encode base64.is_valid
base64url.decode base64url.encode base64url.encode_no_pad bits.and bits.lsh bits.negate bits.or bits.rsh bits.xor
cast_array cast_boolean cast_null cast_object cast_set cast_string ceil concat contains count
crypto.hmac.equal crypto.hmac.sha256 crypto.hmac.sha512 crypto.sha256 crypto.x509.parse_certificates
div endswith eq equal floor format_int glob.match glob.quote_meta graph.reachable graph.reachable_paths gt gte
hex.decode hex.encode indexof indexof_n internal.member_2 internal.member_3 internal.print internal.template_string
internal.test_case intersection is_array is_boolean is_null is_number is_object is_set is_string
json.filter json.is_valid json.marshal json.marshal_with_options json.patch json.remove json.unmarshal
lower lt lte max min minus mul
net.cidr_contains net.cidr_contains_matches net.cidr_expand net.cidr_intersects net.cidr_is_valid net.cidr_merge
neq numbers.range numbers.range_step object.filter object.get object.keys object.remove object.subset object.union
object.union_n or plus print product re_match regex.find_all_string_submatch_n regex.find_n regex.globs_match
regex.is_valid regex.match regex.replace regex.split regex.template_match rego.metadata.chain rego.metadata.rule rem
replace round semver.compare semver.is_valid set_diff sort split sprintf startswith strings.any_prefix_match
strings.any_suffix_match strings.count strings.render_template strings.replace_n strings.reverse strings.split_n
substring sum time.add_date time.clock time.date time.diff time.format time.parse_duration_ns time.parse_ns
time.parse_rfc3339_ns time.weekday to_number trim trim_left trim_prefix trim_right trim_space trim_suffix type_name
union units.parse units.parse_bytes upper uri.is_valid uri.parse urlquery.decode urlquery.decode_object
urlquery.encode urlquery.encode_object uuid.parse walk yaml.is_valid yaml.marshal yaml.unmarshal`

// Capabilities are what a policy may use: the language of this OPA with the allowed built-ins and no network. Written
// as JSON they are what opa check --capabilities takes.
func Capabilities() *ast.Capabilities {
	allowed := map[string]bool{}
	for name := range strings.FieldsSeq(allowedBuiltins) {
		allowed[name] = true
	}
	c := ast.CapabilitiesForThisVersion()
	kept := make([]*ast.Builtin, 0, len(allowed))
	for _, b := range c.Builtins {
		if allowed[b.Name] {
			kept = append(kept, b)
		}
	}
	c.Builtins = kept
	c.AllowNet = []string{}
	return c
}
