package policy

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// The names of the input document's fields, made once.
var (
	kSchema            = ast.StringTerm("schema")
	kID                = ast.StringTerm("id")
	kMode              = ast.StringTerm("mode")
	kTime              = ast.StringTerm("time")
	kNS                = ast.StringTerm("ns")
	kRFC3339           = ast.StringTerm("rfc3339")
	kRequest           = ast.StringTerm("request")
	kGraph             = ast.StringTerm("graph")
	kToken             = ast.StringTerm("token")
	kConnection        = ast.StringTerm("connection")
	kConnectHost       = ast.StringTerm("connect_host")
	kConnectPort       = ast.StringTerm("connect_port")
	kSNI               = ast.StringTerm("sni")
	kClient            = ast.StringTerm("client")
	kBatch             = ast.StringTerm("batch")
	kIndex             = ast.StringTerm("index")
	kSize              = ast.StringTerm("size")
	kDependsOn         = ast.StringTerm("depends_on")
	kWrites            = ast.StringTerm("writes")
	kResources         = ast.StringTerm("resources")
	kRun               = ast.StringTerm("run")
	kName              = ast.StringTerm("name")
	kTotals            = ast.StringTerm("totals")
	kTargets           = ast.StringTerm("targets")
	kMethod            = ast.StringTerm("method")
	kScheme            = ast.StringTerm("scheme")
	kHost              = ast.StringTerm("host")
	kPort              = ast.StringTerm("port")
	kPath              = ast.StringTerm("path")
	kRawTarget         = ast.StringTerm("raw_target")
	kQuery             = ast.StringTerm("query")
	kHeaders           = ast.StringTerm("headers")
	kBody              = ast.StringTerm("body")
	kBodyState         = ast.StringTerm("body_state")
	kBodyBytes         = ast.StringTerm("body_bytes")
	kBodySHA256        = ast.StringTerm("body_sha256")
	kClientRequestID   = ast.StringTerm("client_request_id")
	kOverriding        = ast.StringTerm("override")
	kHeld              = ast.StringTerm("held")
	kTraceable         = ast.StringTerm("traceable")
	kAcceptsJSON       = ast.StringTerm("accepts_json")
	kContentJSON       = ast.StringTerm("content_json")
	kOverride          = ast.StringTerm("x-graphwarden-override")
	kCloud             = ast.StringTerm("cloud")
	kVersion           = ast.StringTerm("version")
	kTenantSegment     = ast.StringTerm("tenant_segment")
	kFamily            = ast.StringTerm("family")
	kResource          = ast.StringTerm("resource")
	kRoute             = ast.StringTerm("route")
	kIDs               = ast.StringTerm("ids")
	kCasts             = ast.StringTerm("casts")
	kKind              = ast.StringTerm("kind")
	kGoverned          = ast.StringTerm("governed")
	kOperation         = ast.StringTerm("operation")
	kEffect            = ast.StringTerm("effect")
	kEmbedded          = ast.StringTerm("embedded")
	kPermissions       = ast.StringTerm("permissions")
	kProfile           = ast.StringTerm("profile")
	kKnown             = ast.StringTerm("known")
	kDelegatedWork     = ast.StringTerm("delegated_work")
	kDelegatedPersonal = ast.StringTerm("delegated_personal")
	kApplication       = ast.StringTerm("application")
	kDocumented        = ast.StringTerm("documented")
	kReadOnly          = ast.StringTerm("read_only")
	kHas               = ast.StringTerm("has")
	kCurrent           = ast.StringTerm("current")
	kDiff              = ast.StringTerm("diff")
	kType              = ast.StringTerm("type")
	kODataType         = ast.StringTerm("odata_type")
	kFilter            = ast.StringTerm("filter")
	kBadFilter         = ast.StringTerm("bad_filter")
	kIntent            = ast.StringTerm("intent")
	kPointer           = ast.StringTerm("pointer")
	kProperties        = ast.StringTerm("properties")
	kUnexpected        = ast.StringTerm("unexpected")
	kMissing           = ast.StringTerm("missing")
	kAbstract          = ast.StringTerm("abstract")
	kUnknown           = ast.StringTerm("unknown")
	kHasUnknown        = ast.StringTerm("has_unknown")
	kBroad             = ast.StringTerm("broad")
	kGroup             = ast.StringTerm("group")
	kMany              = ast.StringTerm("many")
	kObject            = ast.StringTerm("object")
	kIDMatches         = ast.StringTerm("id_matches")
	kHasTarget         = ast.StringTerm("has_target")
	kNeedsTarget       = ast.StringTerm("needs_target")
	kEntries           = ast.StringTerm("entries")
	kPresent           = ast.StringTerm("present")
	kFormat            = ast.StringTerm("format")
	kVerified          = ast.StringTerm("verified")
	kTenant            = ast.StringTerm("tenant")
	kApp               = ast.StringTerm("app")
	kAudience          = ast.StringTerm("audience")
	kAudienceMatches   = ast.StringTerm("audience_matches")
	kScopes            = ast.StringTerm("scopes")
	kRoles             = ast.StringTerm("roles")
	kIssued            = ast.StringTerm("issued")
	kExpires           = ast.StringTerm("expires")
	kExpired           = ast.StringTerm("expired")
	kUnsigned          = ast.StringTerm("unsigned")
	kOdd               = ast.StringTerm("odd")
	kAnomalies         = ast.StringTerm("anomalies")
)

// Values shared by many documents; none of them is ever changed.
var (
	null        = ast.NullTerm()
	vSchema     = ast.StringTerm(InputSchema)
	emptyObject = ast.ObjectTerm()
	emptyArray  = ast.ArrayTerm()

	noBatch = object(
		field(kID, null), field(kIndex, num(0)), field(kSize, num(0)), field(kDependsOn, emptyArray),
		field(kWrites, num(0)), field(kResources, num(0)), field(kTargets, num(0)))

	noBody = object(
		field(kObject, boolean(false)), field(kID, null), field(kIDMatches, null),
		field(kHasTarget, boolean(false)), field(kNeedsTarget, boolean(false)), field(kEntries, null),
		field(kUnknown, emptyArray), field(kHasUnknown, boolean(false)))

	// knownHeaders spares the usual headers the folding and the search for secret words.
	knownHeaders = map[string]*ast.Term{
		"Accept":                        ast.StringTerm("accept"),
		"Accept-Encoding":               ast.StringTerm("accept-encoding"),
		"Accept-Language":               ast.StringTerm("accept-language"),
		"Client-Request-Id":             ast.StringTerm("client-request-id"),
		"Content-Length":                ast.StringTerm("content-length"),
		"Content-Type":                  ast.StringTerm("content-type"),
		"Consistencylevel":              ast.StringTerm("consistencylevel"),
		"If-Match":                      ast.StringTerm("if-match"),
		"Prefer":                        ast.StringTerm("prefer"),
		"Retry-Attempt":                 ast.StringTerm("retry-attempt"),
		"Sdkversion":                    ast.StringTerm("sdkversion"),
		"User-Agent":                    ast.StringTerm("user-agent"),
		"X-Msft-Approval-Code":          ast.StringTerm("x-msft-approval-code"),
		"X-Msft-Approval-Justification": ast.StringTerm("x-msft-approval-justification"),
	}
)

func field(name, value *ast.Term) [2]*ast.Term { return [2]*ast.Term{name, value} }

func object(fields ...[2]*ast.Term) *ast.Term { return ast.NewTerm(ast.NewObject(fields...)) }

// str takes OPA's interned term for the strings it knows.
func str(s string) *ast.Term { return ast.InternedTerm(s) }

func strOrNull(s string) *ast.Term {
	if s == "" {
		return null
	}
	return str(s)
}

func boolean(b bool) *ast.Term { return ast.InternedTerm(b) }

func num(n int64) *ast.Term {
	if n >= 0 && n < 512 {
		return ast.InternedTerm(int(n))
	}
	return ast.NewTerm(ast.Number(json.Number(strconv.FormatInt(n, 10))))
}

func numOrNull(n int64) *ast.Term {
	if n == 0 {
		return null
	}
	return num(n)
}

// unix is a time in whole seconds, as tokens write it; null for the zero time.
func unix(t time.Time) *ast.Term {
	if t.IsZero() {
		return null
	}
	return num(t.Unix())
}

func strs(list []string) *ast.Term {
	if len(list) == 0 {
		return emptyArray
	}
	terms := make([]*ast.Term, len(list))
	for i, s := range list {
		terms[i] = str(s)
	}
	return ast.ArrayTerm(terms...)
}

func sorted(terms []*ast.Term) *ast.Term {
	slices.SortFunc(terms, func(a, b *ast.Term) int { return a.Value.Compare(b.Value) })
	return ast.ArrayTerm(terms...)
}
