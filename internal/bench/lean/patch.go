package lean

import (
	"bytes"
	"fmt"
	"strconv"
)

// Host is the Graph host that everything here speaks of.
const Host = "graph.microsoft.com"

// Body is the change that is sent: 150 bytes or so, as Graph's page for the eSIM assignment has it.
const Body = `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"}}`

// Answer is the body that the origin answers with.
const Answer = `{"@odata.context":"https://graph.microsoft.com/beta/$metadata#x","@odata.type":"#microsoft.graph.embeddedSIMActivationCodePoolAssignment",` +
	`"id":"e7304dcc-4dcc-e730-cc4d-30e7cc4d30e7","target":` + `{"@odata.type":"#microsoft.graph.groupAssignmentTarget"}}`

// AnswerHeader are the fields of the origin's answer, in pairs.
var AnswerHeader = []string{
	"Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
	"Cache-Control", "no-cache",
	"Vary", "Accept-Encoding",
	"Strict-Transport-Security", "max-age=31536000",
	"Request-Id", "0d5f1c6e-4a07-4d5b-9c0f-2f6a3a0f8f11",
	"Client-Request-Id", "0d5f1c6e-4a07-4d5b-9c0f-2f6a3a0f8f11",
	"X-Ms-Ags-Diagnostic", `{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"004","RoleInstance":"AM2PEPF0001"}}`,
	"Odata-Version", "4.0",
	"Date", "Mon, 23 Nov 2026 10:00:00 GMT",
}

const pools = "/deviceManagement/embeddedSIMActivationCodePools/6a1b0c9e-0b1e-4c57-9d3b-2f6f0c1f7a11/assignments/e7304dcc-4dcc-e730-cc4d-"

// Target is the path of the change with number i; with chunked the origin answers it in chunks.
func Target(i int, chunked bool) string {
	version := "/beta"
	if chunked {
		version = "/v1.0"
	}
	return version + pools + fmt.Sprintf("%012d", i)
}

// RequestHeader are the fields of the request beside Host and Content-Length, in pairs.
func RequestHeader(token string) []string {
	return []string{
		"User-Agent", "bench/1.0",
		"Accept", "application/json",
		"Content-Type", "application/json",
		"Authorization", "Bearer " + token,
		"Client-Request-Id", "0d5f1c6e-4a07-4d5b-9c0f-2f6a3a0f8f11",
		"Sdkversion", "graph-go-beta/0.130.0",
	}
}

// Patch is the bytes of one request, whose number can be changed in place.
type Patch struct {
	Bytes  []byte
	number []byte
}

// NewPatch makes the request.
func NewPatch(token string, chunked bool) *Patch {
	var b bytes.Buffer
	b.WriteString("PATCH " + Target(0, chunked))
	end := b.Len()
	b.WriteString(" HTTP/1.1\r\nHost: " + Host + "\r\n")
	header := RequestHeader(token)
	for i := 0; i < len(header); i += 2 {
		b.WriteString(header[i] + ": " + header[i+1] + "\r\n")
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(Body)) + "\r\n\r\n" + Body)
	p := &Patch{Bytes: b.Bytes()}
	p.number = p.Bytes[end-12 : end]
	return p
}

// Number makes it the request with number i.
func (p *Patch) Number(i int) {
	for k := len(p.number) - 1; k >= 0; k-- {
		p.number[k] = byte('0' + i%10)
		i /= 10
	}
}
