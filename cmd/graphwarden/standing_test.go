//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/ledger"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// program is this test's binary under the name by which it is graphwarden.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "graphwarden")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// served is a graphwarden that serves in a process of its own.
type served struct {
	t           *testing.T
	cmd         *exec.Cmd
	home, proxy string
	out         printed // both streams
	done        chan error
}

// printed is what a process has printed so far.
type printed struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *printed) add(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text.WriteString(line)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// serve starts one; limit is a shell's ulimit line, empty for none.
func serve(t *testing.T, home, limit string, args ...string) *served {
	t.Helper()
	s := &served{t: t, home: home, done: make(chan error, 1)}
	line := append([]string{"-c", limit + "\nexec \"$@\"", "sh", program(t), "serve", "--listen", "127.0.0.1:0", "--log", "text", "--log-level", "debug"}, args...)
	s.cmd = exec.Command("/bin/sh", line...)
	s.cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME=", "HTTPS_PROXY=", "https_proxy=")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = w, w
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	listening := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewReader(r)
		for {
			line, err := lines.ReadString('\n')
			s.out.add(line)
			if at, ok := strings.CutPrefix(line, "listening on "); ok {
				listening <- strings.TrimSpace(at)
			}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		err := s.cmd.Wait()
		<-read
		s.done <- err
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // an error where it has ended
		_ = r.Close()
	})
	select {
	case s.proxy = <-listening:
	case err := <-s.done:
		t.Fatalf("it ended: %v\n%s", err, &s.out)
	case <-time.After(30 * time.Second):
		t.Fatal("it does not listen")
	}
	return s
}

// client is one that trusts the proxy.
func (s *served) client() *http.Client {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.home, "ca", "*.pem"))
	if err != nil || len(found) == 0 {
		s.t.Fatalf("no certificate below %s: %v", s.home, err)
	}
	roots := x509.NewCertPool()
	for _, f := range found {
		if text, err := os.ReadFile(f); err == nil {
			roots.AppendCertsFromPEM(text)
		}
	}
	u, err := url.Parse(s.proxy)
	if err != nil {
		s.t.Fatal(err)
	}
	tr := &http.Transport{Proxy: http.ProxyURL(u), TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 16}
	s.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// ended waits for the process and gives its exit code, -1 for a signal.
func (s *served) ended() int {
	s.t.Helper()
	select {
	case err := <-s.done:
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode()
		}
		if err != nil {
			s.t.Fatal(err)
		}
		return 0
	case <-time.After(40 * time.Second):
		s.t.Fatal("it does not end")
		return 0
	}
}

const standingPath = "/v1.0/users/"

// change sends one that the library has nothing against.
func change(c *http.Client, n int, headers ...string) (int, string, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPatch, fmt.Sprintf("https://graph.microsoft.com%s%d", standingPath, n), strings.NewReader(fmt.Sprintf(`{"n":%d}`, n)))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", standingToken)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

var standingToken = "Bearer " + graph.MintToken(map[string]any{
	"aud": "https://graph.microsoft.com", "scp": "User.ReadWrite.All", "tid": "5d1a3b7c-0000-4000-8000-000000000001",
	"appid": "5d1a3b7c-0000-4000-8000-000000000002", "oid": "5d1a3b7c-0000-4000-8000-000000000003",
	"iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
}, "minted")

// echoing is an origin that sends a change back.
func echoing(t *testing.T) *httptest.Server {
	t.Helper()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b)
	}))
	t.Cleanup(origin.Close)
	return origin
}

// files are what a proxy under test writes.
type files struct{ home, cassette, ledger string }

func newFiles(t *testing.T) files {
	dir := t.TempDir()
	return files{dir, filepath.Join(dir, "c.yaml"), filepath.Join(dir, "l.jsonl")}
}

func (f files) flags(origin string) []string {
	return []string{"--ca-dir", filepath.Join(f.home, "ca"), "--mode", "record", "--cassette", f.cassette, "--ledger", f.ledger, "--origin", origin}
}

// TestKillLosesNothingAnswered kills the proxy at random while eight clients write. What is promised: whatever a client has
// an answer to stands on the cassette and, judged and answered, in the ledger; both can be read.
func TestKillLosesNothingAnswered(t *testing.T) {
	t.Parallel()
	origin := echoing(t)
	for range 4 {
		f := newFiles(t)
		s := serve(t, f.home, "", f.flags(origin.URL)...)
		c := s.client()
		var mu sync.Mutex
		var answered []int
		var next atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					n := int(next.Add(1))
					status, body, err := change(c, n)
					if err != nil {
						return
					}
					if status != 200 {
						t.Errorf("got %d %s", status, body)
						return
					}
					mu.Lock()
					answered = append(answered, n)
					if len(answered) == 20 {
						time.AfterFunc(rand.N(150*time.Millisecond), func() { _ = s.cmd.Process.Kill() })
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if code := s.ended(); code != -1 {
			t.Fatalf("exit code %d, want that of a kill\n%s", code, &s.out)
		}
		kept, err := tape.Load(f.cassette)
		if err != nil {
			t.Fatalf("the cassette, after %d answers: %v", len(answered), err)
		}
		recorded := map[string]bool{}
		for _, x := range kept.Interactions() {
			recorded[x.Request.Body] = true
		}
		report, err := ledger.Verify(f.ledger)
		if err != nil {
			t.Fatalf("the ledger, after %d answers: %v, %+v", len(answered), err, report)
		}
		text, err := os.ReadFile(f.ledger)
		if err != nil {
			t.Fatal(err)
		}
		phases := map[string]bool{}
		for line := range bytes.Lines(text) {
			var entry struct{ Phase, Path string }
			if json.Unmarshal(line, &entry) == nil {
				phases[entry.Phase+" "+entry.Path] = true
			}
		}
		for _, n := range answered {
			path := fmt.Sprintf("%s%d", standingPath, n)
			if !recorded[fmt.Sprintf(`{"n":%d}`, n)] || !phases["judged "+path] || !phases["answered "+path] {
				t.Errorf("change %d of %d was answered: on the cassette %v, judged %v, answered %v", n, len(answered),
					recorded[fmt.Sprintf(`{"n":%d}`, n)], phases["judged "+path], phases["answered "+path])
			}
		}
		// Both go on from there.
		s = serve(t, f.home, "", "--ca-dir", filepath.Join(f.home, "ca"), "--ledger", f.ledger, "--mode", "replay", "--cassette", f.cassette)
		if status, body, err := change(s.client(), answered[0]); status != 200 || err != nil {
			t.Errorf("the replay of change %d: %d %s %v", answered[0], status, body, err)
		}
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		if code := s.ended(); code != 0 {
			t.Errorf("the replay ended with %d\n%s", code, &s.out)
		}
	}
}

// TestTerminatedUnderLoad: SIGTERM lets what is under way finish, and the process ends with 0; a second signal ends it at
// once.
func TestTerminatedUnderLoad(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 100)
	release := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		entered <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(origin.Close)
	run := func(signals int) (code int, answers []int, f files) {
		f = newFiles(t)
		s := serve(t, f.home, "", f.flags(origin.URL)...)
		c := s.client()
		var mu sync.Mutex
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				status, _, err := change(c, n)
				if err != nil {
					status = 0
				}
				mu.Lock()
				defer mu.Unlock()
				answers = append(answers, status)
			})
		}
		for range 8 {
			<-entered
		}
		for range signals {
			_ = s.cmd.Process.Signal(syscall.SIGTERM)
			time.Sleep(300 * time.Millisecond)
		}
		if signals == 1 {
			close(release)
		}
		code = s.ended()
		wg.Wait()
		return code, answers, f
	}
	if code, answers, _ := run(2); code == 0 || answers[0] != 0 {
		t.Errorf("two signals: exit code %d, answers %v", code, answers)
	}
	code, answers, f := run(1)
	for _, status := range answers {
		if status != 200 {
			t.Errorf("one signal: answers %v", answers)
			break
		}
	}
	if kept, err := tape.Load(f.cassette); code != 0 || err != nil || kept.Len() != 8 || len(kept.Notices) > 0 {
		t.Errorf("one signal: exit code %d, cassette %v", code, err)
	}
}

// TestFullDiskIsSeen limits the size of the files the proxy may write. What is promised: while only the cassette is full,
// clients get the origin's answers, the log tells of each, and the exit code is 1; when the ledger is full no change goes on.
func TestFullDiskIsSeen(t *testing.T) {
	t.Parallel()
	origin := echoing(t)
	t.Run("cassette", func(t *testing.T) {
		f := newFiles(t)
		s := serve(t, f.home, "ulimit -f 64", "--ca-dir", filepath.Join(f.home, "ca"), "--mode", "record", "--cassette", f.cassette, "--origin", origin.URL)
		c := s.client()
		for n := range 300 {
			if status, body, err := change(c, n); status != 200 || err != nil || body != fmt.Sprintf(`{"n":%d}`, n) {
				t.Fatalf("change %d: %d %s %v\n%s", n, status, body, err, &s.out)
			}
		}
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		if code := s.ended(); code != 1 || !strings.Contains(s.out.String(), "not recorded") || !strings.Contains(s.out.String(), "file too large") {
			t.Errorf("exit code %d\n%.2000s", code, &s.out)
		}
		if kept, err := tape.Load(f.cassette); err != nil || kept.Len() == 0 || kept.Len() == 300 {
			t.Errorf("what was recorded before: %v", err)
		}
	})
	t.Run("ledger", func(t *testing.T) {
		f := newFiles(t)
		s := serve(t, f.home, "ulimit -f 64", "--ca-dir", filepath.Join(f.home, "ca"), "--ledger", f.ledger, "--origin", origin.URL)
		c := s.client()
		passed := 0
		for n := range 300 {
			status, body, err := change(c, n)
			if err != nil {
				t.Fatal(err)
			}
			if status == 200 {
				passed++
			} else if status != 403 || !strings.Contains(body, "PolicyUnavailable") {
				t.Fatalf("change %d: %d %s", n, status, body)
			}
		}
		if passed == 0 || passed == 300 {
			t.Fatalf("%d of 300 changes passed", passed)
		}
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		s.ended()
		if report, err := ledger.Verify(f.ledger); err != nil || report.Records < 2*passed-1 {
			t.Errorf("%d changes passed; the ledger: %v, %+v", passed, err, report)
		}
	})
}
