package graph

import "fmt"

// Refusal is an answer the proxy makes itself, in Graph's error shape. It is an error, so that any part of the chain may
// return one; the codes are a closed list.
type Refusal struct {
	Code    RefusalCode
	Message string
	Details []Detail
}

// Detail is one reason of a refusal; Target is a JSON pointer into the input document.
type Detail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
}

// RefusalCode is the code of a refusal: the contract that clients and tests may rely on.
type RefusalCode string

// The refusals, each with the status it is sent with. None is 429, 503 or 504: SDKs retry those.
const (
	PolicyDenied        RefusalCode = "PolicyDenied"
	PolicyUnavailable   RefusalCode = "PolicyUnavailable"
	MalformedRequest    RefusalCode = "MalformedRequest"
	RequestTooLarge     RefusalCode = "RequestTooLarge"
	UnsupportedEncoding RefusalCode = "UnsupportedEncoding"
	MisdirectedRequest  RefusalCode = "MisdirectedRequest"
	FailedDependency    RefusalCode = "FailedDependency"
	CassetteMiss        RefusalCode = "CassetteMiss"
	OriginUnreachable   RefusalCode = "OriginUnreachable"
	InternalError       RefusalCode = "InternalError"
)

var refusalStatus = map[RefusalCode]int{
	PolicyDenied:        403,
	PolicyUnavailable:   403,
	MalformedRequest:    400,
	RequestTooLarge:     413,
	UnsupportedEncoding: 415,
	MisdirectedRequest:  421,
	FailedDependency:    424,
	CassetteMiss:        501,
	OriginUnreachable:   502,
	InternalError:       500,
}

// Status is the HTTP status the refusal is sent with.
func (c RefusalCode) Status() int {
	if s, ok := refusalStatus[c]; ok {
		return s
	}
	return 500
}

func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Message }

// Refuse makes a refusal; the message is one plain sentence that says what to do next.
func Refuse(code RefusalCode, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...)}
}
