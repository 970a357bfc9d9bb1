package tape

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// Options say how a tape runs. Only Mode is needed, and Cassette unless the mode is Live.
type Options struct {
	Mode Mode
	// Cassette is the file to record to or to answer from.
	Cassette string
	// Origin carries a request to Graph; it is not used in Replay and may be nil there.
	Origin http.RoundTripper
	// Repeat says what answers when the equal recordings are used up; empty means RepeatError.
	Repeat Repeat
	// Order says whether requests must come in recorded order; empty means OrderAny.
	Order Order
	// Match says which requests are equal.
	Match Match
	// Sync says when a recording is forced to the disk; empty means SyncInterval.
	Sync Sync
	// Latency is how long replayed answers are held back.
	Latency Latency
	// Redact adds to what is kept and what is taken out of a recording.
	Redact Redaction
	// MaxAge is how old a cassette may be that is replayed; 0 means any age. MaxAgeWarn tells of an older one instead of
	// failing.
	MaxAge     time.Duration
	MaxAgeWarn bool
	// Owner is noted on a new cassette as who answers for it.
	Owner string
	// Now is the clock by which a cassette's age is told; nil means time.Now.
	Now func() time.Time
	// Logger is told of what a person should look at; nil means nobody is.
	Logger *slog.Logger
	// IgnoreAnswer are JSON pointers of what does not count in an answer when Differ compares it, beside Volatile.
	IgnoreAnswer []string
	// Tool is written into the head of a new cassette, such as "graphwarden 1.2.0".
	Tool string
}

// Tape is an http.RoundTripper that records or replays. It is safe for concurrent use.
type Tape struct {
	mode     Mode
	options  Options
	origin   http.RoundTripper
	log      *slog.Logger
	redact   *redactor
	keyers   *keyers
	idKeyers *keyers // for the id, which does not depend on what is matched
	cassette *Cassette
	index    *index
	file     *recording

	started struct {
		sync.Mutex
		sequence int
		equal    tally
	}
	recorded, replayed, missed, dropped atomic.Int64
	closed                              atomic.Bool

	drifts          drifts
	typical         sync.Once
	typicalRecorded Recorded
}

// Open loads the cassette, or makes and locks a new one, as the mode asks for.
func Open(o Options) (*Tape, error) {
	t := &Tape{mode: o.Mode, options: o, origin: o.Origin, log: o.Logger}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.started.equal.folder = filepath.Dir(o.Cassette)
	if o.Now == nil {
		t.options.Now = time.Now
	}
	if err := t.options.check(); err != nil {
		return nil, err
	}
	missing, err := absent(o.Cassette)
	if err != nil && o.Mode != Live {
		return nil, fmt.Errorf("open cassette: %w", err)
	}
	switch {
	case o.Mode == Auto && missing, o.Mode == New && missing:
		t.mode = Record
	case o.Mode == Auto:
		t.mode = Replay
	}
	if t.mode != Live && t.mode != Record && !missing {
		if t.options.Redact.Pseudonyms, err = pseudonymsOn(o.Cassette, o.Redact.Pseudonyms); err != nil {
			return nil, fmt.Errorf("open cassette %s: %w", o.Cassette, err)
		}
	}
	t.redact = newRedactor(t.options.Redact)
	t.keyers, t.idKeyers = newKeyers(o.Match, t.redact), newKeyers(Match{}, t.redact)
	switch t.mode {
	case Record:
		if t.file, err = startRecording(o.Cassette, t.options.head(), t.options.Sync); err == nil {
			t.file.maxAge, t.file.now = o.MaxAge, t.options.Now
		}
	case Replay, Differ:
		if missing {
			return nil, fmt.Errorf("cassette %s does not exist: record it first, with --mode record --cassette %s", o.Cassette, o.Cassette)
		}
		err = t.load()
	case New:
		t.file, _, err = continueRecording(o.Cassette, t.options.Sync, func() (*Cassette, error) {
			err := t.load()
			return t.cassette, err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("open cassette %s: %w", o.Cassette, err)
	}
	if t.mode == Replay {
		t.origin = nil
	}
	t.warn()
	return t, nil
}

func (o *Options) check() (err error) {
	var errs [6]error
	if _, err := ParseMode(string(o.Mode)); err != nil {
		errs[0] = err
	}
	o.Repeat, errs[1] = ParseRepeat(string(o.Repeat))
	o.Sync, errs[2] = ParseSync(string(o.Sync))
	switch {
	case o.Mode != Live && o.Cassette == "":
		errs[3] = fmt.Errorf("mode %s needs a cassette", o.Mode)
	case o.Mode != Replay && o.Origin == nil:
		errs[3] = fmt.Errorf("mode %s needs an origin", o.Mode)
	}
	errs[4] = o.Redact.check()
	o.Order, errs[5] = ParseOrder(string(o.Order))
	if o.Order == OrderStrict && o.Repeat != RepeatError {
		errs[5] = fmt.Errorf("order strict and repeat %s contradict each other", o.Repeat)
	}
	if o.Order == OrderStrict && o.Mode != Replay && o.Mode != Auto {
		errs[5] = errors.New("order strict is for a replay")
	}
	return errors.Join(errs[:]...)
}

// head is what a new cassette begins with.
func (o *Options) head() []byte {
	head := recordHead(o.Tool)
	if o.Owner != "" {
		head = putHead(head, ownerKey, []byte(o.Owner))
	}
	if line := o.Redact.Pseudonyms.headLine(); line != "" {
		head = putHead(head, pseudonymsKey, []byte(line))
	}
	return head
}

// absent reports whether there is no cassette at path; a file without a byte counts as none.
func absent(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return err == nil && info.Size() == 0 && info.Mode().IsRegular(), err
}

// load reads the cassette and its index.
func (t *Tape) load() error {
	x := &indexer{keyers: t.keyers}
	c, err := load(t.options.Cassette, x)
	if err != nil {
		return err
	}
	t.cassette = c
	if t.mode == Replay || t.mode == New {
		if err := t.checkAge(); err != nil {
			return err
		}
	}
	t.index = x.build(t.options.Repeat, t.options.Order)
	t.started.sequence = x.last()
	if t.mode == New {
		t.countEqual(x)
	}
	return nil
}

// countEqual counts the recordings of each request, so that the ids of new ones go on from there.
func (t *Tape) countEqual(x *indexer) {
	for i := range t.cassette.items {
		var v view
		raw := t.cassette.raw(i)
		if scan(raw, &v, nil, nil, nil) != nil {
			continue
		}
		if id, err := t.idKeyers.recorded(raw, &v); err == nil {
			t.started.equal.add(t.idKey(&id), i+1)
		}
	}
}

func (t *Tape) idKey(id *identity) fingerprint { return keyWith(t.idKeyers, id) }

func keyWith(k *keyers, id *identity) fingerprint {
	x := k.get()
	defer k.put(x)
	return x.key(id)
}

// warn logs what a person should know about the cassette that was opened.
func (t *Tape) warn() {
	if t.cassette != nil {
		for _, n := range t.cassette.Notices {
			t.log.Warn("cassette", "path", t.options.Cassette, "notice", n)
		}
	}
	partial := PartialPath(t.options.Cassette)
	if t.mode == Record {
		partial += ".old"
	}
	if t.mode == Live || t.file != nil && t.file.f.Name() == partial {
		return
	}
	if _, err := os.Lstat(partial); err == nil {
		t.log.Warn("cassette", "path", partial, "notice", "a recording that was not finished; it loads like any cassette")
	}
}

// Mode is the mode in force: never Auto.
func (t *Tape) Mode() Mode { return t.mode }

// RoundTrip answers a request: from the origin, from the cassette, or with a *Miss.
func (t *Tape) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.mode == Live {
		return t.origin.RoundTrip(req)
	}
	if t.closed.Load() {
		return nil, errors.New("the cassette is closed")
	}
	req, q, err := requestOf(req)
	if err != nil {
		return nil, err
	}
	switch t.mode {
	case Record:
		return t.record(req, q)
	case Differ:
		return t.differ(req, q)
	}
	resp, err := t.replay(req, q)
	if t.mode == New && errors.Is(err, ErrMiss) {
		return t.record(req, q)
	}
	return resp, err
}

// requestOf is the one reading of the request; one that did not come through the proxy is read here.
func requestOf(req *http.Request) (*http.Request, *graph.Request, error) {
	if q, ok := graph.FromContext(req.Context()); ok {
		return req, q, nil
	}
	q, err := graph.Read(req, graph.Connection{}, graph.ReadOptions{})
	if err != nil {
		return nil, nil, err
	}
	req = req.WithContext(graph.NewContext(req.Context(), q))
	req.Body, req.ContentLength, req.GetBody = http.NoBody, int64(len(q.Body)), nil
	if len(q.Body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(q.Body))
	}
	if req.Header.Get("Content-Encoding") != "" { // it was undone
		req.Header = req.Header.Clone()
		req.Header.Del("Content-Encoding")
	}
	return req, q, nil
}

type verdictKey struct{}

// WithVerdict returns a context that carries what the policies said, to be recorded beside the interaction.
func WithVerdict(ctx context.Context, verdict string) context.Context {
	return context.WithValue(ctx, verdictKey{}, verdict)
}

// Close finishes a recording: what was recorded is synced and stands under the cassette's name. Further requests fail.
func (t *Tape) Close() error {
	if t.closed.Swap(true) || t.file == nil {
		return nil
	}
	t.started.Lock()
	err := t.started.equal.close()
	t.started.Unlock()
	if err != nil {
		t.log.Warn("cassette", "path", t.options.Cassette, "notice", "a file of counts could not be removed", "error", err)
	}
	replaced, err := t.file.close()
	if err != nil {
		return fmt.Errorf("close cassette %s: %w", t.options.Cassette, err)
	}
	if !replaced {
		t.log.Warn("cassette", "path", t.options.Cassette, "notice", "nothing was recorded: the cassette stays as it was")
	}
	return nil
}

// closeBody reads nothing more of a request's body: the origin or the cassette is done with it.
func closeBody(b io.Closer) {
	if b != nil {
		b.Close() // nothing depends on it: the body was read in full before
	}
}

// since is the time since start, to the microsecond: what a cassette keeps of a duration.
func since(start time.Time) time.Duration { return time.Since(start).Round(time.Microsecond) }
