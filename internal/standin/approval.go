package standin

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// The header fields of Multi Admin Approval.
const (
	justificationHeader = "X-Msft-Approval-Justification"
	codeHeader          = "X-Msft-Approval-Code"
	maxJustification    = 1024
)

// approvals are the requests that wait for a second administrator. Here that one approves at once; what remains is the
// exchange a client must master: 400 without a justification, 412 with the code, then the same request with the code.
type approvals struct {
	collections map[string]bool

	mu    sync.Mutex
	asked uint64
	codes map[[32]byte]string // the code each waiting request was given
}

// guard answers a write to a guarded collection until it brings the code it was given; held is false when it may pass.
func (h *handler) guard(c *call, p place) (a answer, held bool) {
	g := &h.approval
	if len(g.collections) == 0 || !g.covers(p) {
		return answer{}, false
	}
	print := fingerprint(c)
	g.mu.Lock()
	defer g.mu.Unlock()
	if code := c.header.Get(codeHeader); code != "" {
		if g.codes[print] != code {
			return c.fail(badRequest("The value of " + codeHeader + " does not belong to this request.")), true
		}
		delete(g.codes, print)
		return answer{}, false
	}
	justification := c.header.Get(justificationHeader)
	if justification == "" {
		return c.fail(badRequest("This request needs approval: send a justification in the header x-msft-approval-justification.")), true
	}
	plain, err := base64.StdEncoding.DecodeString(justification)
	if err != nil || !utf8.Valid(plain) || utf8.RuneCount(plain) > maxJustification {
		return c.fail(badRequest("The header x-msft-approval-justification must be Base64 of at most 1024 characters of UTF-8.")), true
	}
	if g.codes[print] != "" {
		return c.fail(&fault{status: 409, code: "Conflict", message: "An approval of this request is already pending."}), true
	}
	if g.codes == nil {
		g.codes = make(map[[32]byte]string)
	}
	g.asked++
	code := nameUUID("approval", strconv.FormatUint(g.asked, 10))
	g.codes[print] = code
	h.store.add("/devicemanagement/operationapprovalrequests", newObject(code, "operationApprovalRequest", []field{
		{"status", []byte(`"approved"`)},
		{"requestJustification", appendQuoted(nil, string(plain))},
	}))
	return c.fail(&fault{status: 412, code: "BadRequest", header: codeHeader, value: code,
		message: "The request needs approval. Once approved, send it again with x-msft-approval-code: " + code}), true
}

func (g *approvals) covers(p place) bool {
	if g.collections["all"] && intuneFamily(p.node.family) {
		return true
	}
	for _, s := range p.steps {
		if s.node.name != "{id}" && g.collections[strings.ToLower(s.node.name)] {
			return true
		}
	}
	return false
}

// fingerprint is what an approval is bound to: method, target and body, to the byte.
func fingerprint(c *call) [32]byte {
	sum := sha256.New()
	sum.Write([]byte(c.method + " " + c.target + "\n"))
	sum.Write(c.body)
	return [32]byte(sum.Sum(nil))
}
