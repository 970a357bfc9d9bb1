package proxy_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/proxy"
)

func TestFaultsAreTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	run := func(mode string, seed uint64, spec, cassette string) (codes []int, reached int64) {
		var n atomic.Int64
		s := proxy.Settings{Mode: mode, Cassette: cassette, Faults: spec, FaultSeed: seed}
		var h *harness
		if mode == "replay" {
			s.Enforce, s.Repeat = proxy.EnforceOff, "last"
			h = start(t, s)
		} else {
			h = withOrigin(t, s, counting(&n, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") }))
		}
		c := h.client(true)
		for i := range 40 {
			codes = append(codes, send(t, c, "GET", fmt.Sprintf("https://graph.microsoft.com/v1.0/users/%d", i%20), "").status)
		}
		if mode == "record" {
			if err := h.warden.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return codes, n.Load()
	}
	cassette := filepath.Join(t.TempDir(), "c.yaml")
	run("record", 0, "", cassette)
	spec := "503:rate=0.3; 429:every=7,retry-after=1"
	live, reached := run("live", 7, spec, "")
	again, _ := run("live", 7, spec, "")
	replayed, _ := run("replay", 7, spec, cassette)
	other, _ := run("live", 8, spec, "")
	if diff := cmp.Diff(live, again); diff != "" {
		t.Errorf("the same seed (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(live, replayed); diff != "" {
		t.Errorf("in a replay (-live +replay):\n%s", diff)
	}
	if cmp.Equal(live, other) {
		t.Error("another seed makes the same fail")
	}
	count := map[int]int{}
	for _, code := range live {
		count[code]++
	}
	if count[503] < 4 || count[503] > 22 || count[429] == 0 || count[200] == 0 || int(reached) != count[200] {
		t.Errorf("answers %v, %d of them by the origin", count, reached)
	}
}

func TestFaultKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, spec string
		want       []string
		least      time.Duration
	}{
		{"throttled twice, then through", "429:first=2,retry-after=1", []string{"429 TooManyRequests 1", "429 TooManyRequests 1", "200", "200"}, 0},
		{"every second", "503:every=2", []string{"200", "503 serviceNotAvailable", "200", "503 serviceNotAvailable"}, 0},
		{"reset", "reset:every=3", []string{"200", "200", "reset", "200"}, 0},
		{"slow", "slow:delay=60ms", []string{"200", "200", "200", "200"}, 240 * time.Millisecond},
		{"slow and then refused", "slow:delay=1ms;418", []string{"418 InjectedFault", "418 InjectedFault", "418 InjectedFault", "418 InjectedFault"}, 0},
		{"none", "", []string{"200", "200", "200", "200"}, 0},
	} {
		for _, http1 := range []bool{true, false} {
			t.Run(fmt.Sprint(c.name, " http1=", http1), func(t *testing.T) {
				t.Parallel()
				var reached atomic.Int64
				h := withOrigin(t, proxy.Settings{Faults: c.spec}, counting(&reached, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") }))
				client := h.client(http1)
				var got []string
				start, through := time.Now(), 0
				for range 4 {
					req, err := http.NewRequestWithContext(t.Context(), "PATCH", poolURL, strings.NewReader(groupBody))
					if err != nil {
						t.Fatal(err)
					}
					req.Header.Set("Content-Type", "application/json")
					resp, err := client.Do(req)
					if err != nil {
						got = append(got, "reset")
						continue
					}
					body, _ := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					text := fmt.Sprint(resp.StatusCode)
					if resp.StatusCode == 200 {
						through++
					} else {
						text = strings.TrimSpace(text + " " + answer{body: string(body)}.code() + " " + resp.Header.Get("Retry-After"))
						if resp.Header.Get("X-Graphwarden-Fault") == "" {
							t.Error("nothing tells that the fault was asked for")
						}
					}
					got = append(got, text)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if int(reached.Load()) != through {
					t.Errorf("the origin was reached %d times, %d were answered", reached.Load(), through)
				}
				if took := time.Since(start); took < c.least {
					t.Errorf("took %s, want %s at least", took, c.least)
				}
			})
		}
	}
}

func TestFaultsRefused(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{"200", "600", "often", "429:", "429:every=0", "429:rate=2", "429:rate=0", "429:rate=NaN", "slow", "slow:delay=1h", "slow:delay=x",
		"reset:retry-after=1", "429:every=2,rate=0.5", "429:every", "503:twice=1", "429:first=-1"} {
		_, err := proxy.Open(t.Context(), proxy.Settings{Faults: spec, Enforce: proxy.EnforceOff})
		if want := spec != "429:"; (err != nil) != want {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// TestTransportReset holds that a client without a proxy gets an error for a reset.
func TestTransportReset(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{Faults: "reset"}, ok)
	_, err := (&http.Client{Transport: h.warden.Transport()}).Get(meURL)
	if err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %v", err)
	}
}

// TestInformationalAnswersPass sends 103 while the client waits, over both protocols.
func TestInformationalAnswersPass(t *testing.T) {
	t.Parallel()
	h := withOrigin(t, proxy.Settings{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		fmt.Fprint(w, "{}")
	})
	for _, http1 := range []bool{true, false} {
		var codes []int
		var links []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			codes, links = append(codes, code), append(links, h.Get("Link"))
			return nil
		}})
		req, err := http.NewRequestWithContext(ctx, "GET", meURL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := h.client(http1).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !cmp.Equal(codes, []int{103}) || !cmp.Equal(links, []string{"</a>; rel=preload"}) || string(body) != "{}" || resp.Header.Get("Link") != "" {
			t.Errorf("http1=%v: codes %v, links %q, then %d %s %v", http1, codes, links, resp.StatusCode, body, resp.Header)
		}
	}
}

// TestOddAnswersReplay records answers of the odd kinds and holds the replay to them, over both protocols.
func TestOddAnswersReplay(t *testing.T) {
	t.Parallel()
	cassette := filepath.Join(t.TempDir(), "c.yaml")
	var throttled atomic.Int64
	recorder := withOrigin(t, proxy.Settings{Mode: "record", Cassette: cassette}, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v1.0/none":
			w.WriteHeader(http.StatusNoContent)
		case r.URL.Path == "/v1.0/same":
			w.Header().Set("Etag", `"e1"`)
			w.WriteHeader(http.StatusNotModified)
		case r.URL.Path == "/v1.0/stale":
			w.WriteHeader(http.StatusPreconditionFailed)
		case r.URL.Path == "/v1.0/busy":
			switch throttled.Add(1) {
			case 1, 2:
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusTooManyRequests)
			case 3:
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		case r.Method == "HEAD":
			w.Header().Set("Content-Length", "1234")
		case r.URL.Path == "/v1.0/trailer":
			w.Header().Set("Trailer", "X-Sum")
			fmt.Fprint(w, "streamed")
			w.Header().Set("X-Sum", "42")
		}
	})
	type seen struct {
		Status           int
		Body, Retry, Tag string
		Length           int64
	}
	ask := func(c *http.Client, method, path string, headers ...string) seen {
		req, err := http.NewRequestWithContext(t.Context(), method, "https://graph.microsoft.com/v1.0/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if path == "trailer" && c.Timeout == time.Minute && resp.Trailer.Get("X-Sum") != "42" {
			t.Errorf("the trailer is lost while recording: %v", resp.Trailer)
		}
		s := seen{resp.StatusCode, string(b), resp.Header.Get("Retry-After"), resp.Header.Get("Etag"), resp.ContentLength}
		if path == "trailer" {
			s.Length = 0 // it is not known before the trailer while recording
		}
		return s
	}
	all := func(c *http.Client) (out []seen) {
		for _, path := range []string{"none", "busy", "busy", "busy", "busy", "trailer"} {
			out = append(out, ask(c, "GET", path))
		}
		out = append(out, ask(c, "HEAD", "head"), ask(c, "GET", "same", "If-None-Match", `"e1"`), ask(c, "GET", "stale", "If-Match", `"old"`))
		return out
	}
	c := recorder.client(true)
	c.Timeout = time.Minute
	want := all(c)
	if want[1].Status != 429 || want[3].Status != 503 || want[4].Status != 200 || want[1].Retry != "7" || want[6].Length != 1234 || want[7].Status != 304 {
		t.Fatalf("recorded %+v", want)
	}
	if err := recorder.warden.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, http1 := range []bool{true, false} {
		h := start(t, proxy.Settings{Mode: "replay", Cassette: cassette, Enforce: proxy.EnforceOff})
		if diff := cmp.Diff(want, all(h.client(http1))); diff != "" {
			t.Errorf("http1=%v (-recorded +replayed):\n%s", http1, diff)
		}
	}
	slow := start(t, proxy.Settings{Mode: "replay", Cassette: cassette, Enforce: proxy.EnforceOff, Latency: "80ms"})
	at := time.Now()
	ask(slow.client(true), "GET", "none")
	if took := time.Since(at); took < 80*time.Millisecond {
		t.Errorf("held back for %s, want 80ms", took)
	}
	if _, err := proxy.Open(t.Context(), proxy.Settings{Mode: "replay", Cassette: cassette, Latency: "soon"}); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("latency soon: %v", err)
	}
}
