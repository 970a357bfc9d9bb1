package proxy_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/graphwarden/graphwarden/proxy"
)

// h2 is an HTTP/2 client that writes its frames by hand.
type h2 struct {
	t     testing.TB
	conn  net.Conn
	fr    *http2.Framer
	block bytes.Buffer
	enc   *hpack.Encoder
	next  uint32
}

// h2 opens an intercepted connection over HTTP/2 and exchanges settings.
func (h *harness) h2() *h2 {
	h.t.Helper()
	raw, _, _ := h.tunnelTo("graph.microsoft.com:443", "")
	c := tls.Client(raw, &tls.Config{ServerName: "graph.microsoft.com", RootCAs: h.roots, NextProtos: []string{"h2"}})
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		h.t.Fatal(err)
	}
	x := &h2{t: h.t, conn: c, fr: http2.NewFramer(c, c), next: 1}
	x.fr.AllowIllegalWrites = true
	x.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	x.enc = hpack.NewEncoder(&x.block)
	if err := x.fr.WriteSettings(); err != nil {
		h.t.Fatal(err)
	}
	return x
}

// headers sends a request's fields, given in pairs, on a new stream.
func (x *h2) headers(end bool, pairs ...string) uint32 {
	id := x.next
	x.next += 2
	x.block.Reset()
	for i := 0; i+1 < len(pairs); i += 2 {
		_ = x.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	_ = x.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: x.block.Bytes(), EndHeaders: true, EndStream: end})
	return id
}

// read2 is a plain request with fields of its own behind.
func read2(pairs ...string) []string {
	return append([]string{":method", "GET", ":scheme", "https", ":authority", "graph.microsoft.com", ":path", "/v1.0/x"}, pairs...)
}

// outcome is how a stream, or the connection, ended: "200", "reset PROTOCOL_ERROR", "goaway …" or "closed".
func (x *h2) outcome(stream uint32) string {
	for {
		f, err := x.fr.ReadFrame()
		if err != nil {
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				return "still open"
			}
			return "closed"
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = x.fr.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			if f.StreamID == stream {
				return f.PseudoValue("status")
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return "reset " + f.ErrCode.String()
			}
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo { // else what is open is still answered
				return "goaway " + f.ErrCode.String()
			}
		}
	}
}

func TestHostileHTTP2(t *testing.T) {
	t.Parallel()
	origin := &witness{}
	h := withOrigin(t, proxy.Settings{Limits: proxy.Limits{HeaderBytes: 32 << 10, Streams: 20}}, origin.ServeHTTP)
	honest := h.client(false)
	request := func(pairs ...string) func(*h2) uint32 {
		return func(x *h2) uint32 { return x.headers(true, pairs...) }
	}
	// The proxy either ends a connection that floods it or stops reading, so that the client waits;
	// an honest one is served meanwhile.
	const flooded = "still open|closed|goaway ENHANCE_YOUR_CALM|goaway INTERNAL_ERROR"
	const broken = "reset PROTOCOL_ERROR|goaway PROTOCOL_ERROR|400"
	for _, tc := range []struct {
		name    string
		send    func(*h2) uint32
		want    string // alternatives
		reached []string
	}{
		{"an honest read", request(read2()...), "200", []string{seenGet}},
		{"the port in the authority", request(":method", "GET", ":scheme", "https", ":authority", "graph.microsoft.com:443", ":path", "/v1.0/x"), "200", []string{seenGet}},

		// Who is asked.
		{"another authority", request(":method", "GET", ":scheme", "https", ":authority", "evil.example", ":path", "/v1.0/x"), "421", nil},
		{"another cloud", request(":method", "GET", ":scheme", "https", ":authority", "graph.microsoft.us", ":path", "/v1.0/x"), "421", nil},
		{"a user in the authority", request(":method", "GET", ":scheme", "https", ":authority", "u@graph.microsoft.com", ":path", "/v1.0/x"), broken + "|421", nil},
		{"another host beside the authority", request(read2("host", "evil.example")...), broken + "|421|200", []string{seenGet}},
		{"no authority", request(":method", "GET", ":scheme", "https", ":path", "/v1.0/x"), broken + "|421|200", []string{seenGet}},
		{"two authorities", request(":method", "GET", ":scheme", "https", ":authority", "graph.microsoft.com", ":authority", "evil.example", ":path", "/v1.0/x"), broken, nil},
		{"plain http in the scheme", request(":method", "GET", ":scheme", "http", ":authority", "graph.microsoft.com", ":path", "/v1.0/x"), broken + "|200", []string{seenGet}},

		// What is not in HTTP/2, or not as a request has it.
		{"two paths", request(read2(":path", "/v1.0/y")...), broken, nil},
		{"two methods", request(":method", "GET", ":method", "DELETE", ":scheme", "https", ":authority", "graph.microsoft.com", ":path", "/v1.0/x"), broken, nil},
		{"no method", request(":scheme", "https", ":authority", "graph.microsoft.com", ":path", "/v1.0/x"), broken, nil},
		{"no path", request(":method", "GET", ":scheme", "https", ":authority", "graph.microsoft.com"), broken, nil},
		{"an empty path", request(":method", "GET", ":scheme", "https", ":authority", "graph.microsoft.com", ":path", ""), broken, nil},
		{"a path of another host", request(":method", "GET", ":scheme", "https", ":authority", "graph.microsoft.com", ":path", "https://evil.example/v1.0/x"), broken + "|421", nil},
		{"a path without a slash", request(":method", "GET", ":scheme", "https", ":authority", "graph.microsoft.com", ":path", "v1.0/x"), broken, nil},
		{"a path of two lines", request(":method", "GET", ":scheme", "https", ":authority", "graph.microsoft.com", ":path", "/v1.0/x HTTP/1.1\r\nHost: evil.example\r\n\r\n"), broken, nil},
		{"a method of two lines", request(":method", "GET / HTTP/1.1\r\n", ":scheme", "https", ":authority", "graph.microsoft.com", ":path", "/v1.0/x"), broken, nil},
		{"an unknown pseudo field", request(read2(":evil", "1")...), broken, nil},
		{"a pseudo field behind a field", request(":method", "GET", ":scheme", "https", ":path", "/v1.0/x", "x", "1", ":authority", "graph.microsoft.com"), broken, nil},
		{"connection", request(read2("connection", "keep-alive")...), broken, nil},
		{"transfer-encoding", request(read2("transfer-encoding", "chunked")...), broken, nil},
		{"upgrade", request(read2("upgrade", "websocket")...), broken, nil},
		{"te other than trailers", request(read2("te", "gzip")...), broken, nil},
		{"a name in upper case", request(read2("X-Upper", "1")...), broken, nil},
		{"line ends in a value", request(read2("x", "a\r\nb: c")...), broken, nil},
		{"NUL in a value", request(read2("x", "a\x00b")...), broken, nil},
		{"a space in a name", request(read2("a b", "1")...), broken, nil},
		{"a length that is none", request(read2("content-length", "two")...), broken, nil},
		{"a length with no body behind", request(append(post2(), "content-length", "10")...), broken, nil},
		{"less than the length", func(x *h2) uint32 {
			id := x.headers(false, append(post2(), "content-length", "10")...)
			_ = x.fr.WriteData(id, true, []byte("{}"))
			return id
		}, broken, nil},
		{"more than the length", func(x *h2) uint32 {
			id := x.headers(false, append(post2(), "content-length", "2")...)
			_ = x.fr.WriteData(id, true, []byte("{}  {}"))
			return id
		}, broken, nil},
		{"trailers with a pseudo field", func(x *h2) uint32 {
			id := x.headers(false, post2()...)
			_ = x.fr.WriteData(id, false, []byte("{}"))
			x.next -= 2
			return x.headers(true, ":path", "/v1.0/y")
		}, broken, nil},

		// Tunnels.
		{"CONNECT", request(":method", "CONNECT", ":authority", "here.example:443"), "405|reset PROTOCOL_ERROR", nil},
		{"extended CONNECT", request(":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "graph.microsoft.com", ":path", "/v1.0/x"), broken + "|405", nil},

		// Frames.
		{"data on no stream", func(x *h2) uint32 { _ = x.fr.WriteData(9, true, []byte("{}")); return 9 }, "goaway PROTOCOL_ERROR|reset STREAM_CLOSED", nil},
		{"headers on an even stream", func(x *h2) uint32 { x.next = 2; return x.headers(true, read2()...) }, "goaway PROTOCOL_ERROR", nil},
		{"headers on stream 0", func(x *h2) uint32 { x.next = 0; return x.headers(true, read2()...) }, "goaway PROTOCOL_ERROR|closed", nil},
		{"a continuation of nothing", func(x *h2) uint32 { _ = x.fr.WriteContinuation(1, true, nil); return 1 }, "goaway PROTOCOL_ERROR|closed", nil},
		{"a window over 31 bits", func(x *h2) uint32 {
			_ = x.fr.WriteWindowUpdate(0, 1<<31-1)
			return 0
		}, "goaway FLOW_CONTROL_ERROR", nil},
		{"a push", func(x *h2) uint32 {
			_ = x.fr.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true})
			return 1
		}, "goaway PROTOCOL_ERROR|closed", nil},
		{"a frame of a mebibyte", func(x *h2) uint32 {
			_ = x.fr.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 1<<20))
			return 1
		}, "goaway FRAME_SIZE_ERROR|goaway PROTOCOL_ERROR|closed", nil},
		{"settings of half an entry", func(x *h2) uint32 { _ = x.fr.WriteRawFrame(http2.FrameSettings, 0, 0, []byte{1, 2, 3}); return 1 }, "goaway FRAME_SIZE_ERROR|closed", nil},
		{"a field block that is no HPACK", func(x *h2) uint32 {
			_ = x.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, EndHeaders: true, EndStream: true})
			return 1
		}, "goaway COMPRESSION_ERROR|closed", nil},

		// Floods.
		{"fields over the limit", request(read2("x", strings.Repeat("a", 40<<10))...), "431|goaway COMPRESSION_ERROR|goaway PROTOCOL_ERROR", nil},
		{"a field bomb", func(x *h2) uint32 {
			pairs := read2()
			for range 100 { // one byte each on the wire, by the table
				pairs = append(pairs, "x", strings.Repeat("a", 3000))
			}
			return x.headers(true, pairs...)
		}, "431|reset PROTOCOL_ERROR|goaway PROTOCOL_ERROR|goaway ENHANCE_YOUR_CALM", nil},
		{"continuations without end", func(x *h2) uint32 {
			id := x.headersOpen(read2()...)
			for i := range 100_000 {
				x.block.Reset()
				_ = x.enc.WriteField(hpack.HeaderField{Name: "x-" + strconv.Itoa(i), Value: "a", Sensitive: true})
				if x.fr.WriteContinuation(id, false, x.block.Bytes()) != nil {
					break
				}
			}
			return id
		}, "closed|goaway PROTOCOL_ERROR|goaway ENHANCE_YOUR_CALM", nil},
		{"empty continuations without end", func(x *h2) uint32 {
			id := x.headersOpen(read2()...)
			for range 100_000 {
				if x.fr.WriteContinuation(id, false, nil) != nil {
					break
				}
			}
			return id
		}, "closed|still open|goaway PROTOCOL_ERROR|goaway ENHANCE_YOUR_CALM", nil},
		{"settings without end", func(x *h2) uint32 { // nobody reads what acknowledges them
			x.flood(400_000, func(fr *http2.Framer) {
				_ = fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
			})
			return 0
		}, flooded, nil},
		{"pings without end", func(x *h2) uint32 {
			x.flood(400_000, func(fr *http2.Framer) { _ = fr.WritePing(false, [8]byte{}) })
			return 0
		}, flooded, nil},
		{"windows without end", func(x *h2) uint32 {
			x.flood(400_000, func(fr *http2.Framer) { _ = fr.WriteWindowUpdate(0, 1) })
			return 0
		}, flooded, nil},
		{"priorities without end", func(x *h2) uint32 {
			x.flood(400_000, func(fr *http2.Framer) { _ = fr.WritePriority(7, http2.PriorityParam{StreamDep: 3}) })
			return 0
		}, flooded, nil},
		{"empty data without end", func(x *h2) uint32 {
			id := x.headers(false, post2()...)
			x.flood(400_000, func(fr *http2.Framer) { _ = fr.WriteData(id, false, nil) })
			return id
		}, "400|" + flooded, nil},
	} {
		x := h.h2()
		_ = x.conn.SetDeadline(time.Now().Add(2 * time.Second))
		if got := x.outcome(tc.send(x)); !alternative(tc.want, got) {
			t.Errorf("%s: got %q, want %s", tc.name, got, tc.want)
		}
		seen := origin.take()
		if diff := cmp.Diff(tc.reached, seen); diff != "" && !(seen == nil && strings.Contains(tc.want, "|")) {
			t.Errorf("%s: what reached the origin (-want +got):\n%s", tc.name, diff)
		}
		if got := send1(t, honest); got != 200 {
			t.Errorf("%s: an honest client is answered %d afterwards", tc.name, got)
		}
		_ = x.conn.Close()
	}
}

func post2() []string {
	return []string{":method", "POST", ":scheme", "https", ":authority", "graph.microsoft.com", ":path", "/v1.0/x", "content-type", "application/json"}
}

func alternative(want, got string) bool {
	for w := range strings.SplitSeq(want, "|") {
		if w == got {
			return true
		}
	}
	return false
}

// headersOpen begins a field block that continuations go on with.
func (x *h2) headersOpen(pairs ...string) uint32 {
	id := x.next
	x.next += 2
	x.block.Reset()
	for i := 0; i+1 < len(pairs); i += 2 {
		_ = x.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	_ = x.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: x.block.Bytes(), EndStream: true})
	return id
}

// flood writes a frame many times, until the proxy has had enough.
func (x *h2) flood(n int, write func(*http2.Framer)) {
	const together = 2000
	_ = x.conn.SetDeadline(time.Now().Add(15 * time.Second))
	var b bytes.Buffer
	fr := http2.NewFramer(&b, nil)
	fr.AllowIllegalWrites = true
	for range n / together {
		b.Reset()
		for range together {
			write(fr)
		}
		if _, err := x.conn.Write(b.Bytes()); err != nil {
			return
		}
	}
	_ = x.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
}

// TestRapidReset opens streams and gives each up at once (CVE-2023-44487): the origin never has more of them at a time
// than one connection may have, what is too much ends the connection, and others are served.
func TestRapidReset(t *testing.T) {
	t.Parallel()
	const streams = 10
	var running, most atomic.Int64
	h := withOrigin(t, proxy.Settings{Limits: proxy.Limits{Streams: streams}}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == sentinelPath {
			ok(w, r)
			return
		}
		now := running.Add(1)
		for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
		}
		select {
		case <-r.Context().Done():
		case <-time.After(5 * time.Second):
		}
		running.Add(-1)
	})
	x := h.h2()
	// Many in one write, faster than anybody could begin to serve them: at a slower pace they are just served.
	var b bytes.Buffer
	straight := x.fr
	x.fr = http2.NewFramer(&b, nil)
	for range 20 {
		b.Reset()
		for range 1000 {
			_ = x.fr.WriteRSTStream(x.headers(true, read2()...), http2.ErrCodeCancel)
		}
		if _, err := x.conn.Write(b.Bytes()); err != nil {
			break
		}
	}
	x.fr = straight
	// It is ended, unless all of them were served as fast as they came.
	last := x.headers(true, ":method", "GET", ":scheme", "https", ":authority", "graph.microsoft.com", ":path", sentinelPath)
	if got := x.outcome(last); !alternative("200|closed|goaway ENHANCE_YOUR_CALM", got) {
		t.Errorf("the connection: %s", got)
	}
	_ = x.conn.Close()
	// The origin may see a cancelled one a little longer than the proxy does.
	if got := most.Load(); got > 4*streams {
		t.Errorf("%d at the origin at once, %d allowed", got, streams)
	}
	if got := send1(t, h.client(false)); got != 200 {
		t.Errorf("an honest client is answered %d afterwards", got)
	}
}
