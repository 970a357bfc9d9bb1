package ledger

import "time"

// Entry is one judged change: what was asked for, by whom, when, what became of it and why. There is no place in it for
// a token or a body, only for the body's digest.
type Entry struct {
	// Time is when the change was judged.
	Time time.Time `json:"time"`
	// ID names the exchange, as the log and the refusal do.
	ID string `json:"id"`
	// Phase is judged (about to be sent), answered, or refused. A change that was sent has a line of each of the first two, so
	// that a crash in between leaves the first.
	Phase string `json:"phase,omitempty"`
	// Mode is live, record, replay or auto.
	Mode string `json:"mode,omitempty"`
	// Method, Host and Path are the request in normal form. The path must hold nothing secret; Graph's do not.
	Method string `json:"method"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	// Operation is update, create, delete, assign and so on; Resource what it is done to.
	Operation string `json:"operation,omitempty"`
	Resource  string `json:"resource,omitempty"`
	// Targets are whom the change assigns to.
	Targets []Target `json:"targets,omitempty"`
	// Verdict is allow, warn or deny; Violations are the rules that led to it.
	Verdict    string      `json:"verdict"`
	Violations []Violation `json:"violations,omitempty"`
	// Refusal is the code of the refusal the client got, empty where it got an answer.
	Refusal string `json:"refusal,omitempty"`
	// Status is that of the answer the client got, and Source who gave it: origin, cassette or proxy.
	Status int    `json:"status,omitempty"`
	Source string `json:"source,omitempty"`
	// App, Object and Tenant are who asked, as the token claims.
	App    string `json:"app,omitempty"`
	Object string `json:"object,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	// ClientRequestID is the caller's own name for the request.
	ClientRequestID string `json:"client_request_id,omitempty"`
	// BodySHA256 is the digest of the decoded body, in hex.
	BodySHA256 string `json:"body_sha256,omitempty"`
}

// Target is one receiver of an assignment.
type Target struct {
	Type       string `json:"type"`
	ID         string `json:"id,omitempty"`
	FilterID   string `json:"filter_id,omitempty"`
	FilterMode string `json:"filter_mode,omitempty"`
	Intent     string `json:"intent,omitempty"`
}

// Violation is a rule that spoke: its id and the level (deny, warn or audit) it spoke at.
type Violation struct {
	ID    string `json:"id"`
	Level string `json:"level"`
}

// Record is an entry with its place in the chain.
type Record struct {
	Entry
	// Seq counts the records of the file from 1.
	Seq uint64 `json:"seq"`
	// Prev is the hash of the record before, zeros for the first; Hash is this record's. Both are hex.
	Prev string `json:"prev"`
	Hash string `json:"hash"`
	// Line is where in the file the record stands, from 1.
	Line int `json:"-"`
}
