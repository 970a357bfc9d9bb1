// Package policy judges requests to Graph against Rego: it turns a graph.Request into the input document
// graphwarden.input/v1, evaluates data.graphwarden.verdict and hands back a Verdict.
//
// A set of policies is loaded, compiled with an allow-list of built-ins, tested with its own tests and tried once before
// it replaces the last good one in a single step. What cannot be judged (an error, a timeout, an undefined or
// malformed verdict) is denied. The package is the only user of OPA; it never dials, never reads the clock for a
// decision, and never lets a token or another secret header into the input document.
package policy

import (
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// DefaultTimeout is how long one evaluation may take unless Options say otherwise.
const DefaultTimeout = 100 * time.Millisecond

// Options say what an Engine loads. The zero value is the embedded library with its default data.
type Options struct {
	// Library is the rule library; nil is the embedded one.
	Library fs.FS
	// Paths are the user's policies: folders, .rego files, or bundles (.tar.gz, or the URL of one). Their packages join the library.
	Paths []string
	// Data are files (JSON or YAML) laid over the data of the library and of Paths, in order.
	Data []string
	// Timeout bounds one evaluation; zero is DefaultTimeout.
	Timeout time.Duration
	// Logger receives what a reload has to say; nil discards it.
	Logger *slog.Logger
	// VerifyKey is the PEM public key (or the secret) that every bundle in Paths must be signed with. With a key
	// set, unsigned bundles and plain folders are refused.
	VerifyKey string
	// VerifyAlgorithm is the signature algorithm of VerifyKey; empty is RS256.
	VerifyAlgorithm string
	// Proxy chooses the way to a bundle server; nil goes straight.
	Proxy func(*http.Request) (*url.URL, error)
	// Poll is how often Watch asks a bundle server for news; zero is DefaultPoll.
	Poll time.Duration
	// SkipTests leaves the user's test_ rules unrun at load. Commands that report on tests themselves set it.
	SkipTests bool

	remotes *remotes // the bundles that were fetched; nil before that, and when there are none
}

// Context is what a verdict depends on beside the request.
type Context struct {
	// Mode is live, record or replay; empty is live.
	Mode string
	// Run is the name of the run, empty when it has none.
	Run string
	// Totals are the run's counts before this request.
	Totals Totals
	// Time is when the request counts as made; zero is the request's own time. A replay sets the recorded time.
	Time time.Time
	// Token is the token that counts; nil is the request's own. A replay may set the recorded one.
	Token *graph.Token
}

// Totals count what a run has changed so far.
type Totals struct {
	Writes  int
	Targets int
}

// Decision is the outcome of judging: allow, warn or deny.
type Decision string

// The decisions.
const (
	Allow Decision = "allow"
	Warn  Decision = "warn"
	Deny  Decision = "deny"
)

// The levels of a rule. Off is never seen on a violation.
const (
	LevelDeny  = "deny"
	LevelWarn  = "warn"
	LevelAudit = "audit"
	LevelOff   = "off"
)

// Verdict is what the policies say about one request.
type Verdict struct {
	Decision   Decision
	Violations []Violation
	// Unavailable is true when the policies could not be asked; the decision is then deny and Err says why.
	Unavailable bool
	Err         error
	// Revision names the generation of policies that judged.
	Revision string
	// Duration is how long judging took.
	Duration time.Duration
}

// Violation is one rule that spoke.
type Violation struct {
	ID      string `json:"id"`
	Level   string `json:"level"`
	Message string `json:"msg"`
	// Pointer is a JSON pointer into the input document, empty when the rule names no place.
	Pointer string `json:"pointer,omitempty"`
	// Fix says what to do about it, empty when the rule does not know.
	Fix string `json:"fix,omitempty"`
	// Package is the Rego package of the rule, Location its file:line when that is known.
	Package  string `json:"package,omitempty"`
	Location string `json:"location,omitempty"`
}

// Refusal is the answer a denied request gets: PolicyUnavailable when there was no verdict, else PolicyDenied with one
// detail for each violation that denies. It is nil for any other decision.
func (v Verdict) Refusal() *graph.Refusal {
	if v.Unavailable {
		return &graph.Refusal{
			Code:    graph.PolicyUnavailable,
			Message: "the policies could not judge this request, so it was not sent; see the log of graphwarden for the reason.",
		}
	}
	if v.Decision != Deny {
		return nil
	}
	refusal := &graph.Refusal{Code: graph.PolicyDenied}
	var message strings.Builder
	for _, violation := range v.Violations {
		if violation.Level != LevelDeny {
			continue
		}
		if message.Len() > 0 {
			message.WriteByte(' ')
		}
		detail := violation.text()
		message.WriteString(violation.ID)
		message.WriteString(": ")
		message.WriteString(detail)
		refusal.Details = append(refusal.Details, graph.Detail{Code: violation.ID, Message: detail, Target: violation.Pointer})
	}
	refusal.Message = message.String()
	return refusal
}

// text is the message and the fix as two sentences.
func (v Violation) text() string {
	message := sentence(v.Message)
	if v.Fix == "" {
		return message
	}
	return message + " " + sentence(v.Fix)
}

func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "!") {
		return s
	}
	return s + "."
}
