package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// InputSchema is the name and version of the input document.
const InputSchema = "graphwarden.input/v1"

// OverrideHeader carries the code of an emergency override. Only its SHA-256 enters the input document.
const OverrideHeader = "X-Graphwarden-Override"

// Input is the document the policies judge, as plain JSON values with json.Number for numbers. Every field is always
// present: null or empty, never missing.
func Input(r *graph.Request, c Context) map[string]any {
	value, err := ast.JSON(inputValue(r, c))
	if err != nil { // inputValue builds JSON values only
		return nil
	}
	document, _ := value.(map[string]any)
	return document
}

// InputJSON is Input as indented JSON: what stock OPA and conftest take.
func InputJSON(r *graph.Request, c Context) ([]byte, error) {
	return json.MarshalIndent(Input(r, c), "", "  ")
}

// inputValue builds the document straight as OPA's values: half the cost of a map and a conversion.
func inputValue(r *graph.Request, c Context) ast.Value {
	at := c.Time
	if at.IsZero() {
		at = r.Time
	}
	token := c.Token
	if token == nil {
		token = &r.Token
	}
	mode := c.Mode
	if mode == "" {
		mode = "live"
	}
	return object(
		field(kSchema, vSchema),
		field(kID, str(r.ID)),
		field(kMode, str(mode)),
		field(kTime, object(
			field(kNS, num(at.UnixNano())),
			field(kRFC3339, str(at.UTC().Format(time.RFC3339Nano))))),
		field(kRequest, requestTerm(r)),
		field(kGraph, graphTerm(r, token)),
		field(kToken, tokenTerm(token, r.Operation.Cloud, at)),
		field(kConnection, object(
			field(kConnectHost, strOrNull(r.Connection.ConnectHost)),
			field(kConnectPort, numOrNull(int64(r.Connection.ConnectPort))),
			field(kSNI, strOrNull(r.Connection.SNI)),
			field(kClient, strOrNull(r.Connection.Client)))),
		field(kBatch, batchTerm(r)),
		field(kRun, object(
			field(kName, strOrNull(c.Run)),
			field(kTotals, object(
				field(kWrites, num(int64(c.Totals.Writes))),
				field(kTargets, num(int64(c.Totals.Targets))))))),
	).Value
}

func requestTerm(r *graph.Request) *ast.Term {
	digest := null
	if len(r.Body) > 0 {
		sum := sha256.Sum256(r.Body)
		digest = str(hex.EncodeToString(sum[:]))
	}
	state := r.BodyState
	if state == "" {
		state = graph.BodyNone
	}
	return object(
		field(kMethod, str(r.Method)),
		field(kScheme, str(r.Scheme)),
		field(kHost, str(r.Host)),
		field(kPort, num(int64(r.Port))),
		field(kPath, str(r.Path.String())),
		field(kRawTarget, str(r.RawTarget)),
		field(kQuery, valuesTerm(r.Path.Query)),
		field(kHeaders, headersTerm(r.Header)),
		field(kBody, bodyTerm(r)),
		field(kBodyState, str(string(state))),
		field(kBodyBytes, num(int64(len(r.Body)))),
		field(kBodySHA256, digest),
		field(kClientRequestID, strOrNull(r.Header.Get("Client-Request-Id"))),
		field(kTraceable, boolean(isGUID(r.Header.Get("Client-Request-Id")))),
		field(kOverriding, boolean(len(r.Header[OverrideHeader]) > 0)),
		field(kAcceptsJSON, boolean(acceptsJSON(r.Header["Accept"]))),
		field(kContentJSON, contentJSON(r)),
	)
}

// bodyTerm converts the body lazily: most verdicts read what Go has taken out of it (graph.targets, graph.body), and a
// body may be 4 MiB.
func bodyTerm(r *graph.Request) *ast.Term {
	if r.BodyState != graph.BodyJSON {
		return null
	}
	if m, ok := r.JSON.(map[string]any); ok {
		return ast.NewTerm(ast.LazyObject(m))
	}
	value, err := ast.InterfaceToValue(r.JSON)
	if err != nil {
		return null
	}
	return ast.NewTerm(value)
}

func valuesTerm(values map[string][]string) *ast.Term {
	if len(values) == 0 {
		return emptyObject
	}
	fields := make([][2]*ast.Term, 0, len(values))
	for name, list := range values {
		fields = append(fields, [2]*ast.Term{str(name), strs(list)})
	}
	return object(fields...)
}

// headersTerm is the header without anything that may hold a secret, names in lower case.
func headersTerm(header http.Header) *ast.Term {
	fields := make([][2]*ast.Term, 0, len(header))
	for name, values := range header {
		if name == OverrideHeader {
			fields = append(fields, [2]*ast.Term{kOverride, strs(digests(values))})
			continue
		}
		lower, secret := headerName(name)
		if secret {
			continue
		}
		fields = append(fields, [2]*ast.Term{lower, strs(values)})
	}
	return object(fields...)
}

// digests replaces each override code by its SHA-256 in hex.
func digests(codes []string) []string {
	sums := make([]string, len(codes))
	for i, code := range codes {
		sum := sha256.Sum256([]byte(code))
		sums[i] = hex.EncodeToString(sum[:])
	}
	return sums
}

// secretWords mark a header name that carries a secret.
var secretWords = []string{"authorization", "cookie", "token", "secret", "password", "api-key", "apikey",
	"functions-key", "subscription-key", "credential", "signature", "client-cert", "assertion"}

// headerName is the lower-case name as a term, and whether the header is kept out of the input document.
func headerName(name string) (*ast.Term, bool) {
	if term, ok := knownHeaders[name]; ok {
		return term, false
	}
	lower := strings.ToLower(name)
	return str(lower), slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(lower, word) })
}

func batchTerm(r *graph.Request) *ast.Term {
	size := r.Batch.Size
	var writes, targets int
	resources := map[string]bool{}
	if len(r.Parts) > 0 {
		size = len(r.Parts)
		for _, part := range r.Parts {
			if !IsRead(part) {
				writes++
				resources[part.Operation.Resource] = true
				targets += len(part.Targets)
			}
		}
	} else if size == 0 {
		return noBatch
	}
	return object(
		field(kID, strOrNull(r.Batch.ID)),
		field(kIndex, num(int64(r.Batch.Index))),
		field(kSize, num(int64(size))),
		field(kDependsOn, strs(r.Batch.DependsOn)),
		field(kWrites, num(int64(writes))),
		field(kResources, num(int64(len(resources)))),
		field(kTargets, num(int64(targets))),
	)
}

// IsRead reports whether a request changes nothing.
func IsRead(r *graph.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return false
}
