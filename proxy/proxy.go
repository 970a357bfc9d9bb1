// Package proxy carries one exchange with Microsoft Graph from a client's bytes to the response: it intercepts, has the
// request judged, and lets the tape record it, replay it or pass it to Graph.
//
// A program that wants a forward proxy opens a Warden and serves it on a listener; a Go test that wants no proxy at
// all uses the Warden's Transport in an http.Client. Both run the same chain. Hosts that are not Graph are tunnelled
// unread. A replaying Warden holds nothing that can open a connection.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/graphwarden/graphwarden/internal/ca"
	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/ledger"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// Enforce says what a verdict of deny leads to.
type Enforce string

// The ways to enforce a verdict.
const (
	EnforceDeny Enforce = "deny" // a denied change is refused and never leaves the machine
	EnforceWarn Enforce = "warn" // it is let through, marked and logged
	EnforceOff  Enforce = "off"  // nothing is judged
)

// Settings are everything a Warden is opened with. The zero value is a live proxy with the embedded policy library.
type Settings struct {
	// Mode is live, record, replay, auto (replay if the cassette exists, else record), new (record what is missing) or
	// diff (call the origin and compare); empty means live.
	Mode string
	// Cassette is the file recorded to or replayed from. With {session} in it, each session has its own.
	Cassette string
	// Repeat is what a replay does once equal requests outnumber the recordings: error (default), last or cycle.
	Repeat string
	// Match adds (name) and removes (-name) parts of what a replay compares; Ignore lists JSON pointers of the
	// body that never matter.
	Match, Ignore []string
	// DriftIgnore lists JSON pointers of an answer's body that never matter to mode diff.
	DriftIgnore []string
	// Sync is when a recording reaches the disk itself: interval (default) or always (before each answer).
	Sync string
	// Order is any (default) or strict: in a replay, what comes before its turn is a miss.
	Order string
	// MaxAge is how old a cassette may be that is replayed; 0 means any age. With MaxAgeWarn an older one is told of and
	// replayed. Owner is noted on a new cassette as who answers for it.
	MaxAge     time.Duration
	MaxAgeWarn bool
	Owner      string
	// Faults makes some requests fail, as in 429:every=3,retry-after=1;503:rate=0.1;reset:rate=0.05;slow:delay=200ms. The same
	// FaultSeed makes the same ones fail.
	Faults    string
	FaultSeed uint64
	// Redact lists what else to take out of recordings: header:NAME, a JSON pointer into bodies, or regex:EXPR. Pseudonyms
	// lists whom to put pseudonyms in the place of (guid, upn, tenant, domain:NAME), made with PseudonymKey.
	Redact       []string
	Pseudonyms   []string
	PseudonymKey []byte
	// Variables are noted on a cassette that is recorded.
	Variables map[string]string
	// Latency holds a replayed answer back: off (default), recorded, or a duration such as 200ms.
	Latency string

	// Policy lists folders, files and bundles with rules; none means the embedded library alone. Data lists files
	// that switch and tune the rules.
	Policy, Data []string
	// PolicyKey is the key that every bundle in Policy must be signed with, PEM or a secret; with one, nothing unsigned
	// is loaded. PolicyKeyAlgorithm is that of the signature; empty means RS256.
	PolicyKey, PolicyKeyAlgorithm string
	// PolicyPoll is how often the server of a bundle is asked for a new one; zero means once a minute.
	PolicyPoll time.Duration
	// Enforce is what a deny leads to; empty means deny.
	Enforce Enforce
	// BatchPartial lets the allowed parts of a $batch go on when another part is denied.
	BatchPartial bool

	// CADir is the folder of the private CA; empty means the user's.
	CADir string
	// GraphHosts are further hosts to treat as Graph.
	GraphHosts []string
	// DenyOther refuses hosts that are not Graph instead of tunnelling them. A replay always does.
	DenyOther bool

	// ProxyPassword is what clients must send as their proxy credentials' password; empty means nothing is asked, which
	// only a loopback listener allows. The user part is free and names a session.
	ProxyPassword string

	// Origin is an https (or http) URL that takes Graph's place; empty means Graph itself.
	Origin string
	// OriginCA is a file of PEM certificates to trust the origin by, beside the system's.
	OriginCA string
	// OriginCAPEM is the same as OriginCA, already read.
	OriginCAPEM []byte
	// UpstreamProxy is the URL of a proxy towards the origin and the tunnels; empty means the environment's
	// HTTPS_PROXY and NO_PROXY, "none" no proxy at all.
	UpstreamProxy string

	// Ledger is the file that keeps every verdict on a change; empty means none.
	Ledger string

	// Decisions takes a line of JSON for each decision, in the shape of OPA's decision logs; nil means none is wanted.
	// DecisionMasks are JSON pointers into an event, below /input or /result, of what is erased from it.
	Decisions     io.Writer
	DecisionMasks []string

	// Run names this run to the policies.
	Run string
	// Logger takes one line per exchange; nil means none.
	Logger *slog.Logger
	// Observe, when set, is called once for each finished exchange, by several goroutines at once.
	Observe func(Exchange)
	// Inspect, when set, is called once for each exchange whose answer has been passed on. It is called on the way of the
	// answer, so it should hand the Inspection to somebody else; unless it is set nothing is kept for it.
	Inspect func(*Inspection)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Limits bound what a client may take; a zero field means its default.
	Limits Limits
}

// Warden is the whole chain, ready to serve. Its methods are safe for concurrent use.
type Warden struct {
	settings  Settings
	enforce   Enforce
	log       *slog.Logger
	hosts     graph.Hosts
	read      graph.ReadOptions
	judge     *policy.Engine // nil when nothing is judged
	sessions  *sessions
	ledger    *ledger.Ledger      // nil when none is kept
	decisions *policy.DecisionLog // nil when none is kept
	origin    *origin             // nil in a replay
	limits    Limits
	tally     tally
	faults    *faults // nil when none are wanted
	front     *front
	closed    atomic.Bool
}

// Open loads the policies, opens the cassette and the ledger and prepares the way to the origin. It does not listen yet. An
// error says which of them is at fault; nothing is left open then.
func Open(ctx context.Context, s Settings) (_ *Warden, err error) {
	w := &Warden{settings: s, enforce: s.Enforce, log: s.Logger, limits: s.Limits.orDefault()}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if w.enforce == "" {
		w.enforce = EnforceDeny
	}
	if w.settings.Now == nil {
		w.settings.Now = time.Now
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.release())
		}
	}()
	if w.hosts, err = graph.NewHosts(s.GraphHosts...); err != nil {
		return nil, err
	}
	w.read = graph.ReadOptions{Hosts: w.hosts, Now: w.settings.Now, Tokens: new(graph.Tokens), TakeHeader: true}
	// What a change does, to whom and by whose token is told to those who judge, observe or keep it; a tape asks for the bytes
	// alone. Without any of them it is not worked out.
	w.read.Bare = w.enforce == EnforceOff && s.Observe == nil && s.Inspect == nil && s.Decisions == nil && s.Ledger == ""
	w.read.CheckBody = w.read.Bare
	if err := w.openPolicies(ctx); err != nil {
		return nil, err
	}
	if err := w.openDecisions(); err != nil {
		return nil, err
	}
	if w.faults, err = parseFaults(s.Faults, s.FaultSeed); err != nil {
		return nil, err
	}
	if err := w.openTape(); err != nil {
		return nil, err
	}
	if s.Ledger != "" {
		if w.ledger, err = ledger.Open(s.Ledger); err != nil {
			return nil, fmt.Errorf("open ledger: %w", err)
		}
	}
	if w.front, err = newFront(w); err != nil {
		return nil, err
	}
	return w, nil
}

// openTape opens the cassette, with an origin behind it unless it replays.
func (w *Warden) openTape() error {
	s := w.settings
	options, err := tapeOptions(s, w.log)
	if err != nil {
		return err
	}
	mode := options.Mode
	if !strings.Contains(s.Cassette, sessionMark) {
		if mode, err = tape.Resolve(mode, s.Cassette); err != nil {
			return err
		}
	}
	// In a replay the origin does not exist: there is nothing that could dial.
	if mode != tape.Replay {
		if w.origin, err = newOrigin(s, w.log); err != nil {
			return err
		}
		options.Origin = w.origin
	}
	w.sessions, err = openSessions(options, s.Cassette, s.Variables)
	return err
}

func tapeOptions(s Settings, log *slog.Logger) (tape.Options, error) {
	o := tape.Options{Logger: log, IgnoreAnswer: s.DriftIgnore}
	var errs [8]error
	o.Mode, errs[0] = tape.ParseMode(or(s.Mode, string(tape.Live)))
	o.Repeat, errs[1] = tape.ParseRepeat(s.Repeat)
	o.Sync, errs[2] = tape.ParseSync(s.Sync)
	o.Match, errs[3] = tape.ParseMatch(strings.Join(s.Match, ","))
	o.Latency, errs[4] = tape.ParseLatency(s.Latency)
	o.Match.Ignore = s.Ignore
	o.Order, errs[7] = tape.ParseOrder(s.Order)
	o.MaxAge, o.MaxAgeWarn, o.Owner, o.Now = s.MaxAge, s.MaxAgeWarn, s.Owner, s.Now
	o.Redact, errs[5] = tape.ParseRedact(s.Redact)
	if len(s.Pseudonyms) > 0 || len(s.PseudonymKey) > 0 {
		o.Redact.Pseudonyms, errs[6] = tape.ParsePseudonyms(s.Pseudonyms, s.PseudonymKey)
	}
	return o, errors.Join(errs[:]...)
}

// Mode is the mode in force, after auto has been resolved: that of the tape of all clients, or the one that sessions start in.
func (w *Warden) Mode() string { return string(w.sessions.mode()) }

// CA is the authority that intercepted hosts are certified by; it is made on first use.
func (w *Warden) CA() (*ca.Authority, error) {
	return w.front.authority()
}

// Transport is the chain as an http.RoundTripper, for Go clients that need no proxy. It never returns an error but
// that of a cancelled request: a refusal, a miss or an unreachable origin is a Graph-shaped response.
func (w *Warden) Transport() http.RoundTripper { return transport{w} }

type transport struct{ w *Warden }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if _, ok := t.w.hosts.Cloud(r.URL.Hostname()); !ok {
		return nil, fmt.Errorf("round trip to %s: not a Graph host", r.URL.Hostname())
	}
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	resp, err := t.w.carry(in, graph.Connection{})
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

// Reload reads the policies anew. A set that does not load, compile and pass its own tests leaves the one in force.
func (w *Warden) Reload(ctx context.Context) error {
	if w.judge == nil {
		return nil
	}
	return w.judge.Reload(ctx)
}

// Close releases what Open opened, flushing the recording. Serve's callers use Shutdown instead.
func (w *Warden) Close() error {
	if w.closed.Swap(true) {
		return nil
	}
	w.front.close()
	return w.release()
}

func (w *Warden) release() error {
	var errs []error
	for _, c := range []io.Closer{closer(w.sessions), closer(w.ledger), closer(w.origin)} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// closer avoids the trap of a nil pointer inside a non-nil interface.
func closer[T any, P interface {
	*T
	io.Closer
}](p P) io.Closer {
	if p == nil {
		return nil
	}
	return p
}
