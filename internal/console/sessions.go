package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// The faults of asking for a session that have a status of their own. What a Proxy returns may wrap them.
var (
	// ErrNoSession means that no session of the name runs.
	ErrNoSession = errors.New("no such session")
	// ErrSessionRuns means that one of the name runs already.
	ErrSessionRuns = errors.New("the session already runs")
	// ErrBadSession means that the name or the cassette is not one that may be asked for.
	ErrBadSession = errors.New("not a session that may be asked for")
)

// mainSession stands in a route for the tape of all clients, whose name is empty. No session can bear it.
const mainSession = "-"

// maxSessionBytes bounds what may be sent to start a session.
const maxSessionBytes = 64 << 10

// SessionStart asks for a session of its own cassette.
type SessionStart struct {
	Name string `json:"name"`
	// Cassette is a file in the folder that cassettes are in, empty for the one of the settings with the name in it.
	Cassette string `json:"cassette"`
	// Mode is empty for that of the settings.
	Mode      string            `json:"mode"`
	Variables map[string]string `json:"variables"`
}

// Session is one cassette in use: the one of all clients, whose name is empty, or that of a test.
type Session struct {
	Name     string `json:"name"`
	Mode     string `json:"mode"`
	Cassette string `json:"cassette"`
	// Ended is true once it was stopped; Verdict is ok, failed, drifted, denied, missed or unused.
	Ended    bool   `json:"ended"`
	Verdict  string `json:"verdict"`
	Allowed  int    `json:"allowed"`
	Warned   int    `json:"warned"`
	Denied   int    `json:"denied"`
	Passed   int    `json:"passed"`
	Recorded int    `json:"recorded"`
	Replayed int    `json:"replayed"`
	Missed   int    `json:"missed"`
	Unused   int    `json:"unused"`
	Failed   int    `json:"failed"`
	Repeats  int    `json:"repeats"`
	Drifted  int    `json:"drifted"`
	// What the first of the counted were.
	UnusedList []string `json:"unused_list"`
	DriftList  []string `json:"drift_list"`
	Misses     []string `json:"misses"`
	// Variables are those noted on the cassette, RecordedAt is when that was.
	Variables  map[string]string `json:"variables"`
	RecordedAt *time.Time        `json:"recorded_at"`
	// Fault is why the cassette could not be opened, empty if it could.
	Fault string `json:"fault"`
}

// fill makes every list one that JSON shows as a list.
func (s *Session) fill() {
	s.UnusedList, s.DriftList, s.Misses = orEmpty(s.UnusedList), orEmpty(s.DriftList), orEmpty(s.Misses)
	if s.Variables == nil {
		s.Variables = map[string]string{}
	}
}

func (s *Server) listSessions(w http.ResponseWriter, _ *http.Request) {
	list := orEmpty(s.proxy.Sessions())
	for i := range list {
		list[i].fill()
	}
	reply(w, http.StatusOK, map[string]any{"sessions": list, "clients": s.kept.byClient()})
}

func (s *Server) oneSession(w http.ResponseWriter, r *http.Request) {
	name := sessionOf(r)
	for _, found := range s.proxy.Sessions() {
		if found.Name == name {
			found.fill()
			reply(w, http.StatusOK, found)
			return
		}
	}
	failSession(w, ErrNoSession)
}

func (s *Server) startSession(w http.ResponseWriter, r *http.Request) {
	var ask SessionStart
	if !readJSON(w, r, &ask) {
		return
	}
	patient(w)
	started, err := s.proxy.StartSession(ask)
	if err != nil {
		failSession(w, err)
		return
	}
	started.fill()
	reply(w, http.StatusCreated, started)
}

func (s *Server) switchMode(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Mode string `json:"mode"`
	}
	if !readJSON(w, r, &ask) {
		return
	}
	patient(w)
	if err := s.proxy.SetMode(sessionOf(r), ask.Mode); err != nil {
		failSession(w, err)
		return
	}
	s.meter.learnMode()
	s.oneSession(w, r)
}

func (s *Server) stopSession(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("name") == mainSession {
		fail(w, http.StatusBadRequest, "bad_session", "the tape of all clients ends with graphwarden")
		return
	}
	patient(w)
	stopped, err := s.proxy.StopSession(r.PathValue("name"))
	if err != nil {
		failSession(w, err)
		return
	}
	stopped.fill()
	reply(w, http.StatusOK, stopped)
}

// sessionOf is the session that a route names.
func sessionOf(r *http.Request) string {
	if name := r.PathValue("name"); name != mainSession {
		return name
	}
	return ""
}

// patient allows an answer what opening a big cassette takes, or waiting for the exchanges under way.
func patient(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * time.Minute))
}

func failSession(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrNoSession):
		fail(w, http.StatusNotFound, "not_found", err.Error())
	case errors.Is(err, ErrSessionRuns):
		fail(w, http.StatusConflict, "session_runs", err.Error())
	case errors.Is(err, ErrBadSession):
		fail(w, http.StatusBadRequest, "bad_session", err.Error())
	default:
		fail(w, http.StatusUnprocessableEntity, "not_done", err.Error())
	}
}

// readJSON reads what a request asks for and answers it if that is not what is described.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSessionBytes))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		err = errors.New("there is more than one value")
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "bad_body", "the body is not the JSON that /api/v1/openapi.json describes: "+err.Error())
		return false
	}
	return true
}
