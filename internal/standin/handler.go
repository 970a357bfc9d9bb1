package standin

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// handler is one tenant behind one Graph.
type handler struct {
	opts     Options
	log      *slog.Logger
	now      func() time.Time
	store    *store
	tokens   tokens
	approval approvals
	asSeen   seen
	requests atomic.Int64
	ids      atomic.Uint64
	turns    atomic.Uint64 // requests and batch parts that counted towards throttling
}

func newHandler(opts Options) *handler {
	h := &handler{opts: opts, log: opts.Logger, now: opts.Now, store: newStore(opts.Strict)}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.now == nil {
		h.now = time.Now
	}
	h.asSeen = newSeen(opts.AsSeen)
	h.approval.collections = lowered(opts.Approval)
	seed(h.store)
	return h
}

// call is one request on its way to an answer; a part of a $batch is a call of its own.
type call struct {
	method, target string
	path           string // without the version, for Intune's errors
	version        string // set for a part of a batch, whose url has none
	header         http.Header
	body           []byte
	token          graph.Token
	now            time.Time
	host           string
	requestID      string
	clientID       string
}

// answer is what goes back: a status, a body that may be empty, and rarely one more header field.
type answer struct {
	status        int
	body          []byte
	mediaType     []string // header value; JSON when nil
	header, value string
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.requests.Add(1)
	if h.opts.Latency > 0 && !pause(r.Context(), h.opts.Latency) {
		return
	}
	c := &call{method: r.Method, target: r.RequestURI, header: r.Header, now: h.now(), host: r.Host, requestID: h.newID()}
	if c.target == "" {
		c.target = r.URL.RequestURI()
	}
	if c.clientID = r.Header.Get("Client-Request-Id"); c.clientID == "" {
		c.clientID = c.requestID
	}
	a := h.read(c, r)
	h.write(w, r, c, a)
	if h.log.Enabled(r.Context(), slog.LevelDebug) {
		h.log.LogAttrs(r.Context(), slog.LevelDebug, "stand-in answered", slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Int("status", a.status))
	}
}

// read does what must be done once for a request, batch or not, and hands it on.
func (h *handler) read(c *call, r *http.Request) answer {
	if r.Method == http.MethodOptions && r.Header.Get("Origin") != "" {
		return answer{status: 200} // a browser's preflight carries no token
	}
	switch r.Method {
	case "GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS":
	default:
		return c.fail(badRequest("Request type is not supported."))
	}
	var f *fault
	if c.body, f = readBody(r); f != nil {
		return c.fail(f)
	}
	if c.method == "GET" && strings.HasSuffix(c.target, "/$metadata") {
		return answer{status: 200, body: metadata, mediaType: xmlType} // open to everybody, as on Graph
	}
	c.token = h.tokens.of(r.Header)
	if f = authenticate(c.token, c.now); f != nil {
		return c.fail(f)
	}
	if version, ok := batchPath(c.target); ok {
		return h.batch(c, version)
	}
	return h.answer(c)
}

// answer is the whole of Graph for one call: find the place, ask whether it may, do it.
func (h *handler) answer(c *call) answer {
	if every := h.opts.ThrottleEvery; every > 0 && h.turns.Add(1)%uint64(every) == 0 {
		return c.fail(throttled(max(1, int(h.opts.RetryAfter/time.Second))))
	}
	p, f := resolve(c.target, c.version)
	if f != nil {
		return c.fail(f)
	}
	c.path = p.key()
	if !p.node.allows(c.method) {
		return c.fail(notAllowed())
	}
	if h.asSeen.refuses(c.method, p) {
		return c.fail(noRoute(c.method, p))
	}
	if f = authorise(c.token, p.node, c.method); f != nil {
		return c.fail(f)
	}
	if missing, ok := h.store.exist(p.steps[:max(0, len(p.steps)-1)]); !ok {
		return c.fail(notFound(p.node.family, missing))
	}
	if c.method == "GET" {
		return h.get(c, p)
	}
	if a, held := h.guard(c, p); held {
		return a
	}
	a := h.change(c, p)
	if a.status < 400 && h.opts.OnChange != nil {
		h.opts.OnChange(p.change(c.method))
	}
	return a
}

func (c *call) fail(f *fault) answer {
	return answer{status: f.status, body: f.body(c), header: f.header, value: f.value}
}

// newID is the next id for a request: a UUID of version 8 that depends only on how many came before.
func (h *handler) newID() string {
	// The finaliser of splitmix64 spreads a counter over all bits, so that ids look like ids.
	x := h.ids.Add(1) * 0x9e3779b97f4a7c15
	var u [16]byte
	for i := 0; i < 16; i += 8 {
		x ^= x >> 30
		x *= 0xbf58476d1ce4e5b9
		x ^= x >> 27
		x *= 0x94d049bb133111eb
		x ^= x >> 31
		binary.BigEndian.PutUint64(u[i:], x)
	}
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return formatUUID(u)
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func lowered(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[strings.ToLower(n)] = true
	}
	return m
}
