package proxy

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/tape"
)

// Session is one test among several that share a proxy, with a cassette of its own.
type Session struct {
	// Name is empty for the tape of all clients.
	Name     string `json:"name"`
	Mode     string `json:"mode"`
	Cassette string `json:"cassette"`
	// Ended is true once StopSession was called.
	Ended bool `json:"ended"`
	// Verdict is ok, or the first that holds of failed, drifted, denied, missed and unused.
	Verdict string `json:"verdict"`
	Summary
	// Misses tell of the first hundred requests that had no recording what was nearest.
	Misses []string `json:"misses,omitempty"`
	// Variables are what the test noted when it was recorded, RecordedAt when that was: a replay seeds what is random and
	// sets its clock by them.
	Variables  map[string]string `json:"variables,omitempty"`
	RecordedAt time.Time         `json:"recorded_at,omitzero"`
	// Fault is why the cassette could not be opened, empty if it could.
	Fault string `json:"fault,omitempty"`
}

// Sessions lists the sessions and how each was used, by name; the tape of all clients, where there is one, comes first.
func (w *Warden) Sessions() []Session {
	var list []Session
	for _, s := range w.sessions.all() {
		list = append(list, s.report())
	}
	return list
}

func (s *session) report() Session {
	stats := s.stats()
	out := Session{Name: s.name, Mode: string(s.mode()), Cassette: s.path, Summary: summaryOf(&s.tally, stats)}
	s.mu.Lock()
	out.Ended, out.Misses = s.ended.Load(), slices.Clone(s.missed)
	if s.fault != nil {
		out.Fault = s.fault.Error()
	}
	s.mu.Unlock()
	if t := s.tape.Load(); t != nil {
		out.Variables, out.RecordedAt = t.Variables(), t.RecordedAt()
	}
	out.Verdict = out.Summary.verdict()
	return out
}

// verdict is the word for how a run went, strictly.
func (s Summary) verdict() string {
	switch {
	case s.Failed > 0:
		return "failed"
	case s.Drifted > 0:
		return "drifted"
	case s.Denied > s.Passed:
		return "denied"
	case s.Missed > 0:
		return "missed"
	case s.Unused > 0 && s.Recorded == 0:
		return "unused"
	}
	return "ok"
}

// StartSession opens a session for the requests that bear its name, as the user of the proxy's URL
// (http://NAME@127.0.0.1:8080) or in the header X-Graphwarden-Session. An empty cassette means the one of the settings with
// {session} in it, an empty mode that of the settings. Variables are noted on a cassette that is recorded; of one that is
// replayed, the Session that is returned has those that were noted.
func (w *Warden) StartSession(name, cassette, mode string, variables map[string]string) (Session, error) {
	fault := func(err error) (Session, error) { return Session{}, fmt.Errorf("start session %q: %w", name, err) }
	if !sessionNamed(name) {
		return fault(ErrSessionName)
	}
	r := w.sessions
	if cassette == "" {
		if !strings.Contains(r.path, sessionMark) {
			return fault(errors.New("name a cassette: that of the settings has no " + sessionMark + " in it"))
		}
		cassette = strings.ReplaceAll(r.path, sessionMark, name)
	}
	s := r.newSession(name, filepath.Clean(cassette))
	if variables != nil {
		s.variables = variables
	}
	if mode != "" {
		m, err := tape.ParseMode(mode)
		if err != nil {
			return fault(err)
		}
		s.options.Mode = m
	}
	if s.options.Mode != tape.Replay && w.origin == nil {
		return fault(ErrNoWayOut)
	}
	r.mu.Lock()
	if old := r.byName[name]; old != nil && !old.ended.Load() {
		r.mu.Unlock()
		return fault(ErrSessionRuns)
	}
	if len(r.byName) >= maxSessions && r.byName[name] == nil {
		r.mu.Unlock()
		return fault(errTooManySession)
	}
	old := r.byName[name]
	r.byName[name] = s
	r.some.Store(true)
	r.mu.Unlock()
	if err := s.open(); err != nil {
		r.mu.Lock()
		if delete(r.byName, name); old != nil {
			r.byName[name] = old
		}
		r.mu.Unlock()
		return fault(err)
	}
	return s.report(), nil
}

// StopSession finishes a session: its cassette is closed, its requests are refused from now on, and its counts and verdict
// are returned. They stay in Sessions and Summary until a session of the same name is started.
func (w *Warden) StopSession(name string) (Session, error) {
	s, err := w.session(name)
	if err != nil {
		return Session{}, fmt.Errorf("stop session %q: %w", name, err)
	}
	if err := s.close(); err != nil {
		return s.report(), fmt.Errorf("stop session %q: %w", name, err)
	}
	return s.report(), nil
}

// SetMode goes on in another mode with a session, or with an empty name with the tape of all clients. It affects later
// requests only, and a sequence of equal recordings goes on where it is.
func (w *Warden) SetMode(name, mode string) error {
	m, err := tape.ParseMode(mode)
	if err == nil && m != tape.Replay && w.origin == nil {
		err = ErrNoWayOut
	}
	var s *session
	if err == nil {
		if s = w.sessions.main; name != "" || s == nil {
			s, err = w.session(or(name, defaultSession))
		}
	}
	if err == nil {
		err = s.switchTo(m)
	}
	if err != nil {
		return fmt.Errorf("set the mode of session %q: %w", name, err)
	}
	return nil
}

func (w *Warden) session(name string) (*session, error) {
	w.sessions.mu.RLock()
	defer w.sessions.mu.RUnlock()
	if s := w.sessions.byName[name]; s != nil && !s.ended.Load() {
		return s, nil
	}
	return nil, ErrNoSession
}
