package wire_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/wire"
)

// pair is one handler behind a wire.Server, and behind net/http alone.
type pair struct {
	ours   *wire.Server
	rested chan net.Conn
	addr   string
	other  *httptest.Server
	log    lines
}

type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func serve(t *testing.T, h http.Handler) *pair {
	t.Helper()
	return serveWith(t, h, time.Second)
}

func serveWith(t *testing.T, h http.Handler, readHeader time.Duration) *pair {
	t.Helper()
	p := &pair{rested: make(chan net.Conn, 8)}
	p.other = httptest.NewUnstartedServer(h)
	p.other.Config.ErrorLog = log.New(&p.log, "", 0)
	p.other.StartTLS()
	t.Cleanup(p.other.Close)
	p.ours = &wire.Server{
		Handler: h, Rest: func(c net.Conn) { p.rested <- c }, ErrorLog: log.New(&p.log, "", 0),
		HeaderBytes: 16 << 10, ReadHeader: readHeader, Write: time.Minute, Idle: time.Minute,
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); p.ours.Close() })
	p.addr = l.Addr().String()
	config := &tls.Config{Certificates: p.other.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.ours.Serve(t.Context(), tls.Server(c, config))
		}
	}()
	return p
}

// dial opens TLS to ours.
func (p *pair) dial(t *testing.T, protocols ...string) *tls.Conn {
	t.Helper()
	return dialTo(t, p.addr, protocols...)
}

func dialTo(t *testing.T, addr string, protocols ...string) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// raw is all that comes back for what is sent, until the connection ends.
func raw(t *testing.T, addr, request string) string {
	t.Helper()
	c := dialTo(t, addr)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("read: %v after %.200q", err, b)
	}
	return dates.ReplaceAllString(string(b), "Date: now")
}

var dates = regexp.MustCompile(`Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT`)

// answers are written by a handler in every way there is. They end the connection, so that all of one can be read.
var answers = map[string]func(w http.ResponseWriter){
	"nothing":         func(w http.ResponseWriter) {},
	"a body":          func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"a":1}`) },
	"text":            func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") },
	"an unknown type": func(w http.ResponseWriter) { _, _ = w.Write([]byte{0, 1, 2}) },
	"a known length": func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "2")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "{}")
	},
	"too much": func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "2")
		_, _ = io.WriteString(w, "{}")
		if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrContentLength) {
			panic(fmt.Sprint("more than announced: ", err))
		}
	},
	"a kind that is packed": func(w http.ResponseWriter) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "not really")
	},
	"no content": func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusNoContent)
		if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrBodyNotAllowed) {
			panic(fmt.Sprint("a body with no content: ", err))
		}
	},
	"not modified": func(w http.ResponseWriter) {
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusNotModified)
	},
	"an odd status": func(w http.ResponseWriter) { w.WriteHeader(599) },
	"two statuses":  func(w http.ResponseWriter) { w.WriteHeader(404); w.WriteHeader(200) },
	"fields in order": func(w http.ResponseWriter) {
		w.Header()["B"] = []string{"1", "2"}
		w.Header()["A"] = []string{"x"}
		w.Header()["Date"] = []string{"never"}
	},
	"a value that would be another field": func(w http.ResponseWriter) { w.Header().Set("A", "x\r\nEvil: y") },
	"a name that is none":                 func(w http.ResponseWriter) { w.Header()["A: b\r\nEvil"] = []string{"y"} },
	"early hints": func(w http.ResponseWriter) {
		w.Header().Set("Link", "</x>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "{}")
	},
	"pieces": func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, "one")
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "two")
		w.(http.Flusher).Flush()
	},
	"pieces of known length": func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "6")
		_, _ = io.WriteString(w, "one")
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "two")
	},
	"a trailer": func(w http.ResponseWriter) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Sum", "4")
	},
	"a trailer as an afterthought": func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, "body")
		_ = http.NewResponseController(w).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Sum", "4")
	},
	"a header after the head": func(w http.ResponseWriter) {
		w.WriteHeader(200)
		w.Header().Set("Late", "x")
		_, _ = io.WriteString(w, "{}")
	},
	"the end": func(w http.ResponseWriter) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "{}")
	},
}

// TestAnswersAreThoseOfNetHTTP compares them byte by byte.
func TestAnswersAreThoseOfNetHTTP(t *testing.T) {
	t.Parallel()
	p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.Header.Get("Answer"); name != "" {
			answers[name](w)
			return
		}
		w.Header().Set("Connection", "close") // the second request, so that all ends
	}))
	for name := range answers {
		for _, method := range []string{"GET", "HEAD", "PATCH"} {
			if method == "HEAD" && name == "pieces" {
				continue // net/http tells of chunks that nobody gets
			}
			request := method + " / HTTP/1.1\r\nHost: x\r\nAnswer: " + name + "\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\n\r\n"
			want, got := raw(t, p.other.Listener.Addr().String(), request), raw(t, p.addr, request)
			if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
				t.Errorf("%s %s (-net/http +ours):\n%s", method, name, diff)
			}
		}
	}
	if log := p.log.String(); strings.Contains(log, "panic") {
		t.Error(log)
	}
}

// TestLongAnswers are told from what follows, whatever pieces they were written in.
func TestLongAnswers(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 1, 2047, 15 << 10, 15<<10 + 1, 16 << 10, 64 << 10, 1 << 20}
	p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var size, piece int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d/%d", &size, &piece)
		if r.URL.RawQuery == "length" {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		for size > 0 {
			n, err := io.WriteString(w, strings.Repeat("x", min(size, piece)))
			if err != nil {
				panic(err)
			}
			size -= n
		}
	}))
	c := p.dial(t)
	in := bufio.NewReader(c)
	for _, size := range sizes {
		for _, piece := range []int{1000, 8 << 10, 15 << 10, 40 << 10, 2 << 20} {
			for _, query := range []string{"", "?length"} {
				fmt.Fprintf(c, "GET /%d/%d%s HTTP/1.1\r\nHost: x\r\n\r\n", size, piece, query)
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				if b, err := io.ReadAll(resp.Body); err != nil || len(b) != size || strings.Trim(string(b), "x") != "" {
					t.Fatalf("%d in pieces of %d%s: got %d, %v", size, piece, query, len(b), err)
				}
			}
		}
	}
}

// sorted are the lines of an answer: the fields that tell of its body stand in another order.
func sorted(answer string) []string { return slices.Sorted(strings.SplitSeq(answer, "\r\n")) }

func echo(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, b)
}

func expect(t *testing.T, in *bufio.Reader, want string) {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != want {
		t.Errorf("got %q, %v, want %q", b, err, want)
	}
}

// TestPiecesOfRequests: a request may come in any pieces, and with the next one on its heels.
func TestPiecesOfRequests(t *testing.T) {
	t.Parallel()
	p := serve(t, http.HandlerFunc(echo))
	long := strings.Repeat("y", 20_000)
	one := "PATCH /a HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("z", 5000) + "\r\nContent-Length: 20000\r\n\r\n" + long
	two := "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, pieces := range map[string][]string{
		"head and body":       {one[:len(one)-len(long)], long, two},
		"all at once":         {one + two},
		"one and a half":      {one + two[:10], two[10:]},
		"torn":                {one[:7], one[7:100], one[100:5100], one[5100:], two[:1], two[1:]},
		"torn in the newline": {one[:18], one[18:], two},
	} {
		c := p.dial(t)
		go func() {
			for _, piece := range pieces {
				_, _ = io.WriteString(c, piece)
				time.Sleep(5 * time.Millisecond)
			}
		}()
		in := bufio.NewReader(c)
		t.Log(name)
		expect(t, in, "PATCH /a "+long)
		expect(t, in, "GET /b ")
	}
	select {
	case <-p.rested:
		t.Error("a plain request was handed on")
	default:
	}
}

// TestTheRestIsHandedOn with every byte of it.
func TestTheRestIsHandedOn(t *testing.T) {
	t.Parallel()
	p := serve(t, http.HandlerFunc(echo))
	for name, tc := range map[string]struct{ before, odd string }{
		"at once":            {"", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		"after others":       {"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"},
		"a long body begins": {"", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 3000)},
		"a slow body":        {"", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx"},
	} {
		c := p.dial(t)
		in := bufio.NewReader(c)
		if _, err := io.WriteString(c, tc.before+tc.odd); err != nil {
			t.Fatal(err)
		}
		if tc.before != "" {
			expect(t, in, "GET /a ")
		}
		rest := <-p.rested
		if _, ok := rest.(*wire.Resumed); !ok {
			t.Errorf("%s: handed on as %T", name, rest)
		}
		b := make([]byte, len(tc.odd))
		if _, err := io.ReadFull(rest, b); err != nil || string(b) != tc.odd {
			t.Errorf("%s: got %q, %v", name, b, err)
		}
		_, _ = io.WriteString(c, "more")
		if _, err := io.ReadFull(rest, b[:4]); err != nil || string(b[:4]) != "more" {
			t.Errorf("%s: then %q, %v", name, b[:4], err)
		}
		_ = rest.Close()
	}
	if state := p.dial(t, "h2").ConnectionState(); state.NegotiatedProtocol != "h2" {
		t.Fatal(state.NegotiatedProtocol)
	}
	if rest, ok := (<-p.rested).(*tls.Conn); !ok || rest.ConnectionState().NegotiatedProtocol != "h2" {
		t.Errorf("HTTP/2 was handed on as %T", rest)
	}
}

// TestSlowClients: half a head has its time and no more, and one that says nothing at first likewise.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	p := serveWith(t, http.HandlerFunc(echo), 200*time.Millisecond)
	for name, sent := range map[string]string{
		"silence": "", "half a head": "GET / HTTP/1.1\r\nHost: x\r\n", "one, then half": "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET",
	} {
		c := p.dial(t)
		_, _ = io.WriteString(c, sent)
		in := bufio.NewReader(c)
		if strings.HasPrefix(name, "one") {
			expect(t, in, "GET / ")
		}
		if b, err := io.ReadAll(in); len(b) > 0 || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	// Between two requests there is more time.
	c := p.dial(t)
	in := bufio.NewReader(c)
	for range 2 {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		expect(t, in, "GET / ")
		time.Sleep(400 * time.Millisecond)
	}
}

func TestTheClientGoesAway(t *testing.T) {
	t.Parallel()
	gone := make(chan error, 1)
	p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(200 * time.Millisecond)
			echo(w, r)
			return
		}
		select {
		case <-r.Context().Done():
			gone <- nil
		case <-time.After(10 * time.Second):
			gone <- errors.New("the handler was not told")
		}
	}))
	// One that waits is not gone, nor is one that sends the next request meanwhile.
	c := p.dial(t)
	in := bufio.NewReader(c)
	_, _ = io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(100 * time.Millisecond)
	_, _ = io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	expect(t, in, "GET /slow ")
	expect(t, in, "GET /slow ")
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(100 * time.Millisecond)
	_ = c.Close()
	if err := <-gone; err != nil {
		t.Error(err)
	}
}

func TestPanics(t *testing.T) {
	t.Parallel()
	p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "half")
		if r.URL.Path == "/flushed" {
			_ = http.NewResponseController(w).Flush()
		}
		if r.URL.Path == "/quiet" {
			panic(http.ErrAbortHandler)
		}
		panic("at the disco")
	}))
	for path, want := range map[string]string{"/": "", "/quiet": "", "/flushed": "HTTP/1.1 200 OK"} {
		// Half an answer must not look like a whole one.
		got := raw(t, p.addr, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if !strings.HasPrefix(got, want) || want == "" && got != "" || strings.HasSuffix(got, "0\r\n\r\n") {
			t.Errorf("%s: %q", path, got)
		}
	}
	if n := strings.Count(p.log.String(), "at the disco"); n != 2 {
		t.Errorf("%d panics in the log:\n%s", n, p.log.String())
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	began, finish := make(chan struct{}), make(chan struct{})
	p := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(began)
			<-finish
		}
		echo(w, r)
	}), time.Hour)
	silent, err := net.Dial("tcp", p.addr) // greets nobody
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	idle, slow := p.dial(t), p.dial(t)
	idleIn, slowIn := bufio.NewReader(idle), bufio.NewReader(slow)
	_, _ = io.WriteString(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	expect(t, idleIn, "GET / ")
	_, _ = io.WriteString(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.ours.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while an answer is under way: %v", err)
	}
	if b, err := io.ReadAll(idleIn); len(b) > 0 || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the idle connection: %q, %v", b, err)
	}
	close(finish)
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.ours.Shutdown(ctx); err != nil { // for nobody who has asked for nothing
		t.Error(err)
	}
	resp, err := http.ReadResponse(slowIn, nil)
	if err != nil || !resp.Close {
		t.Errorf("the answer that was under way: %v, %+v", err, resp)
	}
	c, err := tls.Dial("tcp", p.addr, &tls.Config{InsecureSkipVerify: true})
	if err == nil {
		_ = c.Close()
		t.Error("a new connection was greeted")
	}
}
