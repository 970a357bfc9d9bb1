package tape

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type answering string

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(a))), ContentLength: -1, Request: r}
	if r.Method != http.MethodGet { // reads stream, writes come whole
		resp.ContentLength = int64(len(a))
	}
	return resp, nil
}

func ask(t *testing.T, tp *Tape, method string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://graph.microsoft.com/v1.0/me", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tp.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return string(b)
}

// swap puts another file under a recording and gives the one there was.
func (t *Tape) swap(f *os.File) (was *os.File) {
	t.file.mu.Lock()
	defer t.file.mu.Unlock()
	was, t.file.f = t.file.f, f
	return was
}

// TestAnswersOutliveTheDisk fails the disk under a recording. What is promised: every answer stays the origin's, each
// exchange that is not on the cassette is counted and logged, Close returns the failure, and what was recorded before is
// whole.
func TestAnswersOutliveTheDisk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path string
		flags      int
		sync       Sync
	}{
		{"full disk", "/dev/full", os.O_RDWR, SyncInterval},
		{"read-only", os.DevNull, os.O_RDONLY, SyncInterval},
		{"failed sync before the answer", os.DevNull, os.O_RDWR, SyncAlways}, // /dev/null cannot be synced
	} {
		for _, over := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "c.yaml")
			record := func(logged io.Writer) *Tape {
				tp, err := Open(Options{Mode: Record, Cassette: path, Sync: tt.sync, Origin: answering("origin's"), Logger: slog.New(slog.NewTextHandler(logged, nil))})
				if err != nil {
					t.Fatal(err)
				}
				return tp
			}
			if over {
				tp := record(io.Discard)
				ask(t, tp, "GET")
				if err := tp.Close(); err != nil {
					t.Fatal(err)
				}
			}
			was, _ := os.ReadFile(path)
			var logged bytes.Buffer
			tp := record(&logged)
			if got := ask(t, tp, "POST"); got != "origin's" {
				t.Errorf("%s: before the fault: %q", tt.name, got)
			}
			broken, err := os.OpenFile(tt.path, tt.flags, 0)
			if err != nil {
				t.Fatal(err)
			}
			real := tp.swap(broken)
			for _, method := range []string{"POST", "GET", "POST"} {
				if got := ask(t, tp, method); got != "origin's" {
					t.Errorf("%s: %s: %q", tt.name, method, got)
				}
			}
			if s := tp.Stats(); s.Recorded != 1 || s.Dropped != 3 {
				t.Errorf("%s: %+v", tt.name, s)
			}
			if n := strings.Count(logged.String(), "level=ERROR msg=\"not recorded\""); n != 3 {
				t.Errorf("%s: %d lines of 3: %s", tt.name, n, &logged)
			}
			if err := tp.Close(); err == nil {
				t.Errorf("%s: Close says nothing", tt.name)
			}
			_ = unlock(real)
			_ = real.Close()
			if over {
				if now, err := os.ReadFile(path); err != nil || !bytes.Equal(was, now) {
					t.Errorf("%s: the old cassette has changed, %v", tt.name, err)
				}
				path = PartialPath(path)
			}
			if c, err := Load(path); err != nil || c.Len() != 1 {
				t.Errorf("%s: what was recorded before: %v", tt.name, err)
			}
		}
	}
}

// TestAFailedSyncIsNotForgotten: the kernel reports it once, so the next call would succeed.
func TestAFailedSyncIsNotForgotten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.yaml")
	synctest.Test(t, func(t *testing.T) {
		tp, err := Open(Options{Mode: Record, Cassette: path, Origin: answering("x")})
		if err != nil {
			t.Fatal(err)
		}
		ask(t, tp, "POST")
		broken, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		real := tp.swap(broken)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		tp.swap(real)
		if got := ask(t, tp, "POST"); got != "x" {
			t.Errorf("answered %q", got)
		}
		if s := tp.Stats(); s.Recorded != 1 || s.Dropped != 1 {
			t.Errorf("%+v", s)
		}
		if err := tp.Close(); err == nil {
			t.Error("Close says nothing")
		}
	})
}
