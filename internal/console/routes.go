package console

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"strconv"
)

//go:embed page openapi.json
var files embed.FS

// route is one thing the server answers.
type route struct {
	method, path string
	// open needs no token, write needs a server opened for writing.
	open, write bool
	handle      http.HandlerFunc
}

// routes is everything the server answers; openapi.json describes the same.
func (s *Server) routes() []route {
	return []route{
		{method: "GET", path: "/{$}", open: true, handle: file("page/index.html", "text/html; charset=utf-8")},
		{method: "GET", path: "/page/{file}", open: true, handle: pageFile},
		{method: "GET", path: "/healthz", open: true, handle: s.health},
		{method: "GET", path: "/readyz", open: true, handle: s.ready},
		{method: "GET", path: "/metrics", handle: s.meter.handler().ServeHTTP},
		{method: "GET", path: "/api/v1/openapi.json", handle: file("openapi.json", "application/json")},
		{method: "GET", path: "/api/v1/status", handle: s.status},
		{method: "GET", path: "/api/v1/exchanges", handle: s.list},
		{method: "GET", path: "/api/v1/exchanges/{id}", handle: s.one},
		{method: "GET", path: "/api/v1/exchanges/{id}/input", handle: s.input},
		{method: "GET", path: "/api/v1/events", handle: s.events},
		{method: "GET", path: "/api/v1/sessions", handle: s.listSessions},
		{method: "POST", path: "/api/v1/sessions", write: true, handle: s.startSession},
		{method: "GET", path: "/api/v1/sessions/{name}", handle: s.oneSession},
		{method: "DELETE", path: "/api/v1/sessions/{name}", write: true, handle: s.stopSession},
		{method: "POST", path: "/api/v1/sessions/{name}/mode", write: true, handle: s.switchMode},
		{method: "GET", path: "/api/v1/cassette", handle: s.cassette},
		{method: "GET", path: "/api/v1/policy", handle: s.policy},
		{method: "GET", path: "/api/v1/policy/tests", handle: s.policyTests},
		{method: "POST", path: "/api/v1/policy/reload", write: true, handle: s.reload},
	}
}

// Handler answers everything the console has.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		handle := r.handle
		if r.write {
			handle = s.withWrite(handle)
		}
		if !r.open {
			handle = s.withToken(handle)
		}
		mux.HandleFunc(r.method+" "+r.path, handle)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "not_found", "nothing here; /api/v1/openapi.json describes what is")
	})
	return s.guarded(mux)
}

func file(name, mediaType string) http.HandlerFunc {
	body, err := files.ReadFile(name)
	return func(w http.ResponseWriter, _ *http.Request) {
		if err != nil { // the files are part of the program
			fail(w, http.StatusInternalServerError, "internal", "the file is missing")
			return
		}
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(body)
	}
}

// pageFile answers with one of the page's own files: its programs, style and icon.
func pageFile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	mediaType, ok := mediaTypes[path.Ext(name)]
	if _, err := fs.Stat(files, "page/"+name); !ok || err != nil {
		fail(w, http.StatusNotFound, "not_found", "the page has no such file")
		return
	}
	file("page/"+name, mediaType)(w, r)
}

var mediaTypes = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.proxy.Ready(); err != nil {
		reply(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready", "reason": err.Error()})
		return
	}
	reply(w, http.StatusOK, map[string]string{"status": "ready"})
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	status := s.proxy.Status()
	status.Write = s.write
	if err := s.proxy.Ready(); err != nil {
		status.Ready = err.Error()
	}
	reply(w, http.StatusOK, status)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	q := query{text: values.Get("q"), verdict: values.Get("verdict"), outcome: values.Get("outcome"), limit: 200}
	if values.Has("session") {
		name := values.Get("session")
		q.session = &name
	}
	if v := values.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 1000 {
			fail(w, http.StatusBadRequest, "bad_parameter", "limit is a number from 1 to 1000")
			return
		}
		q.limit = n
	}
	if v := values.Get("before"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil || n == 0 {
			fail(w, http.StatusBadRequest, "bad_parameter", "before is the seq of an exchange")
			return
		}
		q.before = n
	}
	found, more := s.kept.list(q)
	reply(w, http.StatusOK, map[string]any{"exchanges": found, "more": more})
}

// full is an exchange with its details; Detail is null while they are not at hand, or no longer.
type full struct {
	Exchange
	Detail *Detail `json:"detail"`
}

func (s *Server) one(w http.ResponseWriter, r *http.Request) {
	e, d, ok := s.kept.find(r.PathValue("id"))
	if !ok {
		fail(w, http.StatusNotFound, "not_found", "no such exchange is kept")
		return
	}
	reply(w, http.StatusOK, full{e, d})
}

// input answers with the input document as it is, ready for opa eval.
func (s *Server) input(w http.ResponseWriter, r *http.Request) {
	_, d, _ := s.kept.find(r.PathValue("id"))
	if d == nil || d.Form == nil {
		fail(w, http.StatusNotFound, "not_found", "no input document is kept for such an exchange")
		return
	}
	form := d.Form
	if v := r.URL.Query().Get("part"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n >= len(d.Parts) {
			fail(w, http.StatusBadRequest, "bad_parameter", "part counts the parts of a batch from 0")
			return
		}
		form = &d.Parts[n]
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(form.Input)
}

func (s *Server) cassette(w http.ResponseWriter, _ *http.Request) {
	c := s.proxy.Cassette()
	c.UnusedList = orEmpty(c.UnusedList)
	reply(w, http.StatusOK, c)
}

func (s *Server) policy(w http.ResponseWriter, _ *http.Request) {
	p := s.proxy.Policy()
	p.Rules = orEmpty(p.Rules)
	for i := range p.Rules {
		p.Rules[i].Parameters = orEmpty(p.Rules[i].Parameters)
	}
	s.kept.countHits(p.Rules)
	reply(w, http.StatusOK, p)
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	// A set of policies is compiled and tested before it is taken; that may take longer than an ordinary answer.
	patient(w)
	if err := s.proxy.Reload(r.Context()); err != nil {
		fail(w, http.StatusUnprocessableEntity, "not_reloaded", "the last good set stays in force: "+err.Error())
		return
	}
	s.policy(w, r)
}

func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		fail(w, http.StatusInternalServerError, "internal", "the answer could not be written")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

func fail(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}
