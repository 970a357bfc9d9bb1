package proxy

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/tape"
)

const (
	// sessionMark stands in Settings.Cassette for the name of a session.
	sessionMark = "{session}"
	// sessionHeader names a session where a client cannot name a user of the proxy. It is never passed on.
	sessionHeader = "X-Graphwarden-Session"
	// defaultSession is that of requests that name none.
	defaultSession = "default"
	// maxSessions bounds how many may be open: each holds a cassette.
	maxSessions = 4096
)

// The faults of asking for a session.
var (
	ErrSessionName    = errors.New("the name of a session has 1 to 100 letters, digits, dots, dashes and underscores and begins with a letter or digit")
	ErrSessionRuns    = errors.New("the session already runs: stop it first")
	ErrNoSession      = errors.New("no such session")
	ErrNoWayOut       = errors.New("this proxy was opened to replay: it has no way out")
	errTooManySession = fmt.Errorf("%d sessions are open: stop some first", maxSessions)
)

// sessions are the tapes of a Warden behind one door: one tape for all clients, one for each session, or both. A session is
// opened by StartSession, or by its first request where the cassette's name holds {session}.
type sessions struct {
	options tape.Options // of a tape, without a cassette
	path    string       // of the cassettes; may hold {session}
	// variables are noted on every cassette that is recorded.
	variables map[string]string
	main      *session // of requests whose session is not open; nil where the path holds {session}

	// some is false as long as main is all there is, which spares a request the look-up.
	some   atomic.Bool
	mu     sync.RWMutex
	byName map[string]*session
}

// session is one tape in use.
type session struct {
	name, path string
	options    tape.Options
	variables  map[string]string
	tally      tally

	// use is held for reading while an exchange is carried, so that no tape is closed under one.
	use  sync.RWMutex
	tape atomic.Pointer[tape.Tape]
	// ended is set when the session is stopped: its tape is closed, and none is opened anew.
	ended atomic.Bool

	mu     sync.Mutex
	before tape.Stats // of tapes that a change of mode has closed
	missed []string
	fault  error // why the cassette could not be opened
	faults int   // requests that met it
}

// maxMissesKept bounds what is remembered of misses.
const maxMissesKept = 100

// openSessions opens the tape of all clients, unless each session has its own.
func openSessions(o tape.Options, path string, variables map[string]string) (*sessions, error) {
	r := &sessions{options: o, path: path, variables: variables, byName: map[string]*session{}}
	if strings.Contains(path, sessionMark) {
		r.some.Store(true)
		return r, nil
	}
	r.main = r.newSession("", path)
	return r, r.main.open()
}

func (r *sessions) newSession(name, path string) *session {
	s := &session{name: name, path: path, options: r.options, variables: r.variables}
	s.options.Cassette = path
	return s
}

// enter finds the session of a request and opens its tape. The caller leaves it when the exchange is over.
func (r *sessions) enter(name string) (*session, error) {
	s, err := r.find(name)
	if err != nil {
		return nil, err
	}
	for {
		s.use.RLock()
		if s.ended.Load() {
			s.use.RUnlock()
			return s, graph.Refuse(graph.CassetteMiss, "the session %s has ended", s.name)
		}
		if s.tape.Load() != nil {
			return s, nil
		}
		s.use.RUnlock()
		if err := s.open(); err != nil {
			return s, err
		}
	}
}

func (s *session) leave() { s.use.RUnlock() }

func (r *sessions) find(name string) (*session, error) {
	if !r.some.Load() {
		return r.main, nil
	}
	if name == "" {
		name = defaultSession
	}
	r.mu.RLock()
	s := r.byName[name]
	r.mu.RUnlock()
	switch {
	case s != nil:
		return s, nil
	case r.main != nil:
		return r.main, nil
	case !sessionNamed(name):
		return nil, graph.Refuse(graph.MalformedRequest, "%s", ErrSessionName)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.byName[name]; s != nil {
		return s, nil
	}
	if len(r.byName) >= maxSessions {
		return nil, graph.Refuse(graph.InternalError, "%s", errTooManySession)
	}
	s = r.newSession(name, strings.ReplaceAll(r.path, sessionMark, name))
	r.byName[name] = s
	return s, nil
}

// sessionNamed reports whether a name is fit to be part of a file's: no path, nothing hidden, no name that Windows keeps
// for devices.
func sessionNamed(name string) bool {
	if name == "" || len(name) > 100 || strings.HasSuffix(name, ".") {
		return false
	}
	for i := range len(name) {
		b := name[i]
		letter := b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9'
		if !letter && (i == 0 || b != '.' && b != '-' && b != '_') {
			return false
		}
	}
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch stem {
	case "con", "prn", "aux", "nul":
		return false
	}
	return len(stem) != 4 || !strings.HasPrefix(stem, "com") && !strings.HasPrefix(stem, "lpt") || stem[3] < '0' || stem[3] > '9'
}

// open opens the session's tape if it is not. What went wrong is tried again with the next request: a cassette that is not
// there yet may be by then.
func (s *session) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tape.Load() != nil {
		return nil
	}
	if s.ended.Load() {
		return nil // enter tells it
	}
	t, err := openTape(s.options)
	if err != nil {
		s.fault = err
		s.faults++
		return err
	}
	t.SetVariables(s.variables)
	s.fault = nil
	s.tape.Store(t)
	return nil
}

// openTape resolves auto before the tape is opened: a replay must not have an origin.
func openTape(o tape.Options) (*tape.Tape, error) {
	mode, err := tape.Resolve(o.Mode, o.Cassette)
	if err != nil {
		return nil, err
	}
	o.Mode = mode
	if mode == tape.Replay {
		o.Origin = nil
	}
	return tape.Open(o)
}

// refusalOf is what a request gets whose session's tape does not open.
func (s *session) refusalOf(err error) *graph.Refusal {
	var refusal *graph.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	if s != nil && s.options.Mode != tape.Replay {
		return graph.Refuse(graph.InternalError, "the session has no cassette: %s", err)
	}
	return graph.Refuse(graph.CassetteMiss, "the session has no cassette: %s", err)
}

// miss notes what was asked for in vain.
func (s *session) miss(m *tape.Miss) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.missed) < maxMissesKept {
		s.missed = append(s.missed, m.Error())
	}
}

// close ends the session's tape. What is counted stays.
func (s *session) close() error {
	s.use.Lock()
	defer s.use.Unlock()
	s.ended.Store(true)
	if t := s.tape.Load(); t != nil {
		return t.Close()
	}
	return nil
}

// switchTo goes on in another mode, from where the run is. The exchanges that are under way end in the old one.
func (s *session) switchTo(mode tape.Mode) error {
	s.use.Lock()
	defer s.use.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended.Load() {
		return ErrNoSession
	}
	old, options := s.tape.Load(), s.options
	options.Mode = mode
	if old == nil {
		s.options = options
		return nil
	}
	variables := old.Variables()
	if err := old.Close(); err != nil {
		return err
	}
	next, err := openTape(options)
	if err != nil {
		// The old one is closed: it is opened anew, so that the session goes on as it was.
		if again, againErr := openTape(s.options); againErr == nil {
			again.Resume(old)
			s.before = added(s.before, spent(old))
			s.tape.Store(again)
		}
		return err
	}
	next.SetVariables(variables)
	next.Resume(old)
	s.before = added(s.before, spent(old))
	s.options = options
	s.tape.Store(next)
	return nil
}

// spent are a closed tape's counts of requests. What it left unused is the next one's to tell.
func spent(t *tape.Tape) tape.Stats {
	s := t.Stats()
	s.Interactions, s.Unused, s.UnusedList = 0, 0, nil
	return s
}

// added is one session's counts with another's.
func added(a, b tape.Stats) tape.Stats {
	a.Interactions += b.Interactions
	a.Recorded += b.Recorded
	a.Replayed += b.Replayed
	a.Missed += b.Missed
	a.Dropped += b.Dropped
	a.Repeats += b.Repeats
	a.Drifted += b.Drifted
	a.Unused += b.Unused
	a.Drifts = append(slices.Clip(a.Drifts), b.Drifts...)
	a.UnusedList = append(slices.Clip(a.UnusedList), b.UnusedList...)
	return a
}

// stats are the counts of the session's tapes. A request that met no cassette in a replay is a miss.
func (s *session) stats() tape.Stats {
	s.mu.Lock()
	before, faults := s.before, s.faults
	s.mu.Unlock()
	if t := s.tape.Load(); t != nil {
		now := t.Stats()
		mode := now.Mode
		before = added(before, now)
		before.Mode = mode
	} else {
		before.Mode = s.options.Mode
	}
	if s.options.Mode == tape.Replay {
		before.Missed += faults
	} else {
		before.Dropped += faults
	}
	return before
}

// all are the sessions, by name, main first.
func (r *sessions) all() []*session {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var list []*session
	for _, s := range r.byName {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *session) int { return strings.Compare(a.name, b.name) })
	if r.main != nil {
		list = append([]*session{r.main}, list...)
	}
	return list
}

func (r *sessions) stats() tape.Stats {
	var sum tape.Stats
	sum.Mode = r.mode()
	for _, s := range r.all() {
		sum = added(sum, s.stats())
	}
	return sum
}

// mode is that of all clients' tape, or the one that sessions start in.
func (r *sessions) mode() tape.Mode {
	if r.main != nil {
		return r.main.mode()
	}
	return r.options.Mode
}

func (s *session) mode() tape.Mode {
	if t := s.tape.Load(); t != nil {
		return t.Mode()
	}
	return s.options.Mode
}

// Close ends every session.
func (r *sessions) Close() error {
	var errs []error
	for _, s := range r.all() {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

var _ io.Closer = (*sessions)(nil)
