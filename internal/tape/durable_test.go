package tape_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/tape"
)

func TestTornTail(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	for i := range 3 {
		send(t, rec, request(t, "PATCH", route, fmt.Sprintf(`{"n":%d,"text":"a\nb"}`, i), "Prefer", "return=representation"))
	}
	closeTape(t, rec)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tape.Load(path)
	if err != nil || c.Len() != 3 || len(c.Notices) > 0 {
		t.Fatalf("the whole file: %v, %d interactions, notices %q", err, c.Len(), c.Notices)
	}
	torn := filepath.Join(t.TempDir(), "torn.yaml")
	for n := range len(whole) {
		if err := os.WriteFile(torn, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := tape.Load(torn)
		if err != nil {
			continue // reported
		}
		marker := n >= len(whole)-1 // "..." without its line feed is still the end
		if len(c.Notices) == 0 && !marker {
			t.Fatalf("cut at %d of %d: loads %d interactions and says nothing:\n%s", n, len(whole), c.Len(), whole[:n])
		}
		for i, x := range c.Interactions() {
			if x == nil || !strings.Contains(x.Response.Body, fmt.Sprintf(`"got":"{\"n\":%d`, i)) || x.Response.Duration <= 0 {
				t.Fatalf("cut at %d: interaction %d is not whole: %+v", n, i, x)
			}
		}
	}
}

func TestTornTailIsWrittenOver(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	for i := range 2 {
		send(t, rec, request(t, "PATCH", route, fmt.Sprintf(`{"n":%d}`, i)))
	}
	closeTape(t, rec)
	whole, _ := os.ReadFile(path)
	if err := os.WriteFile(path, whole[:bytes.LastIndex(whole, []byte("duration"))], 0o600); err != nil {
		t.Fatal(err)
	}
	add := open(t, tape.Options{Mode: tape.New, Cassette: path, Origin: originFunc(echo)})
	send(t, add, request(t, "PATCH", route, `{"n":0}`))
	send(t, add, request(t, "PATCH", route, `{"n":1}`))
	if s := add.Stats(); s.Interactions != 1 || s.Replayed != 1 || s.Recorded != 1 {
		t.Errorf("stats %+v", s)
	}
	closeTape(t, add)
	c, err := tape.Load(path)
	if err != nil || c.Len() != 2 || len(c.Notices) > 0 {
		t.Errorf("load: %v, %d interactions, notices %q", err, c.Len(), c.Notices)
	}
}

func TestTwoRecorders(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	first := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	for _, mode := range []tape.Mode{tape.Record, tape.New} {
		if _, err := tape.Open(tape.Options{Mode: mode, Cassette: path, Origin: originFunc(echo)}); !errors.Is(err, tape.ErrLocked) {
			t.Errorf("a second recorder, mode %s: %v, want ErrLocked", mode, err)
		}
	}
	send(t, first, request(t, "PATCH", route, `{}`))
	closeTape(t, first)
	second := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	closeTape(t, second)
}

func TestRecordOver(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	run := func(body string) *tape.Tape {
		rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
		if body != "" {
			send(t, rec, request(t, "PATCH", route, body))
		}
		return rec
	}
	urls := func(path string) (bodies []string) {
		c, err := tape.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range c.Interactions() {
			bodies = append(bodies, x.Request.Body)
		}
		return bodies
	}
	closeTape(t, run(`{"n":1}`))
	rec := run(`{"n":2}`)
	if got := urls(path); len(got) != 1 || got[0] != `{"n":1}` {
		t.Errorf("while it is recorded over, the cassette holds %q", got)
	}
	if got := urls(tape.PartialPath(path)); len(got) != 1 || got[0] != `{"n":2}` {
		t.Errorf("the partial holds %q", got)
	}
	if _, err := tape.Recover(path); !errors.Is(err, tape.ErrLocked) {
		t.Errorf("recover from under a recorder: %v", err)
	}
	closeTape(t, rec)
	if got := urls(path); len(got) != 1 || got[0] != `{"n":2}` {
		t.Errorf("after closing, the cassette holds %q", got)
	}
	closeTape(t, run(""))
	if got := urls(path); len(got) != 1 {
		t.Errorf("a recording of nothing left %q", got)
	}
	if _, err := os.Stat(tape.PartialPath(path)); !os.IsNotExist(err) {
		t.Errorf("a partial file was left: %v", err)
	}
}

// killedEnv names the cassette to record to in the process that gets killed.
const killedEnv = "TAPE_TEST_RECORD_UNTIL_KILLED"

func TestMain(m *testing.M) {
	if path := os.Getenv(killedEnv); path != "" {
		recordUntilKilled(path)
	}
	if path := os.Getenv(scaleEnv); path != "" {
		measureScale(path)
		return
	}
	if what := os.Getenv(peersEnv); what != "" {
		measurePeer(what)
		return
	}
	os.Exit(m.Run())
}

const planted = "planted-5ecret-value"

// recordUntilKilled records without end and says the number of each request when its answer was read.
func recordUntilKilled(path string) {
	tp, err := tape.Open(tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	t := &testing.T{}
	for i := 0; ; i++ {
		_, body := send(t, tp, request(t, "PATCH", route, fmt.Sprintf(`{"n":%d,"password":%q}`, i, planted), "Authorization", "Bearer "+planted))
		if body != "" {
			fmt.Println(i)
		}
	}
}

func TestKilled(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	for round := range 20 {
		path := cassette(t)
		over := round%2 == 1
		if over {
			rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(echo)})
			send(t, rec, request(t, "GET", "/v1.0/me", ""))
			closeTape(t, rec)
		}
		last := killRecorder(t, path, time.Duration(r.IntN(60))*time.Millisecond)
		written := path
		if over {
			written = tape.PartialPath(path)
			if c, err := tape.Load(path); err != nil || c.Len() != 1 || len(c.Notices) > 0 {
				t.Fatalf("the old cassette: %v", err)
			}
		}
		c, err := tape.Load(written)
		if err != nil {
			if last < 0 {
				continue // killed before it wrote the head
			}
			t.Fatalf("killed after %d answers: %v", last+1, err)
		}
		if c.Len() <= last || len(c.Notices) == 0 {
			t.Fatalf("killed after %d answers: %d interactions, notices %q", last+1, c.Len(), c.Notices)
		}
		for i := range last + 1 {
			x, err := c.At(i)
			if err != nil || !strings.HasPrefix(x.Request.Body, fmt.Sprintf(`{"n":%d,`, i)) {
				t.Fatalf("interaction %d: %v, %+v", i, err, x)
			}
		}
		noneHolds(t, filepath.Dir(path), planted)
		if over {
			if got, err := tape.Recover(path); err != nil || got.Len() != c.Len() {
				t.Fatalf("recover: %v", err)
			}
			if c, err := tape.Load(path); err != nil || c.Len() <= last || len(c.Notices) > 0 {
				t.Fatalf("recovered: %v, notices %q", err, c.Notices)
			}
		}
	}
}

// killRecorder runs a recorder and kills it some time after its first answer; it returns the last answer that was read.
func killRecorder(t *testing.T, path string, after time.Duration) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := -1
	in := bufio.NewScanner(out)
	for in.Scan() {
		if _, err := fmt.Sscan(in.Text(), &last); err != nil {
			t.Fatalf("the recorder says %q", in.Text())
		}
		if last == 0 {
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait() // it was killed: that is its only end
	return last
}

// noneHolds fails if any file below dir has the secret.
func noneHolds(t *testing.T, dir, secret string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(b, []byte(secret)); i >= 0 {
			t.Fatalf("%s holds the secret: …%s…", f.Name(), b[max(0, i-80):min(len(b), i+len(secret)+20)])
		}
	}
}

// slowBody gives one piece per read and waits for the client in between.
type slowBody struct {
	pieces chan string
}

func (s *slowBody) Read(p []byte) (int, error) {
	piece, ok := <-s.pieces
	if !ok {
		return 0, io.EOF
	}
	return copy(p, piece), nil
}

func (s *slowBody) Close() error { return nil }

func TestStreams(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	body := &slowBody{pieces: make(chan string, 1)}
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(func(r *http.Request) (*http.Response, error) {
		resp := answer(r, 200, "")
		resp.Body, resp.ContentLength = body, -1
		return resp, nil
	})})
	body.pieces <- "first"
	resp, err := rec.RoundTrip(request(t, "GET", "/v1.0/me", ""))
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	if n, err := resp.Body.Read(buf); err != nil || string(buf[:n]) != "first" {
		t.Fatalf("first read: %q, %v", buf[:n], err)
	}
	if c, err := tape.Load(path); err != nil || c.Len() != 0 {
		t.Fatalf("recorded before its end: %v", err)
	}
	body.pieces <- "second"
	close(body.pieces)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "second" {
		t.Fatalf("rest: %q, %v", rest, err)
	}
	c, err := tape.Load(path)
	if err != nil || c.Len() != 1 {
		t.Fatalf("not recorded at its end: %v, %d", err, c.Len())
	}
}
