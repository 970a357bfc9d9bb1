package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/ledger"
)

func entry(i int) ledger.Entry {
	return ledger.Entry{
		Time: time.Date(2026, 11, 23, 10, 0, i, 5000, time.UTC), ID: fmt.Sprintf("id-%d", i), Mode: "live",
		Method: "PATCH", Host: "graph.microsoft.com",
		Path:      "/beta/deviceManagement/embeddedSIMActivationCodePools/p/assignments/a?x=<1>&y=2",
		Operation: "update", Resource: "embeddedSIMActivationCodePoolAssignment",
		Targets:    []ledger.Target{{Type: "group", ID: "11111111-0000-0000-0000-000000000000", FilterMode: "include", FilterID: "f", Intent: "apply"}},
		Verdict:    "deny",
		Violations: []ledger.Violation{{ID: "scope.missing", Level: "deny"}, {ID: "target.abstract", Level: "warn"}},
		Status:     403, Source: "proxy", App: "app", Object: "object", Tenant: "tenant",
		ClientRequestID: "client \"quoted\"\nline", BodySHA256: strings.Repeat("ab", 32),
	}
}

func path(t testing.TB) string { return filepath.Join(t.TempDir(), "ledger.jsonl") }

func open(t testing.TB, p string, options ...ledger.Option) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(p, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// filled is a closed ledger of n entries.
func filled(t testing.TB, n int) string {
	t.Helper()
	p := path(t)
	l := open(t, p)
	for i := range n {
		if err := l.Append(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t testing.TB, p string) []byte {
	t.Helper()
	data, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func save(t testing.TB, data []byte) string {
	t.Helper()
	p := path(t)
	if err := os.WriteFile(p, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func entries(t *testing.T, p string) []ledger.Entry {
	t.Helper()
	var out []ledger.Entry
	for r, err := range ledger.Read(p) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Seq != uint64(len(out)+1) || r.Line != len(out)+1 {
			t.Errorf("record %d has number %d and line %d", len(out)+1, r.Seq, r.Line)
		}
		out = append(out, r.Entry)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	p := path(t)
	l := open(t, p, ledger.WithSync())
	local := entry(1)
	local.Time = local.Time.In(time.FixedZone("here", 3600))
	for _, e := range []ledger.Entry{entry(0), local, {Time: time.Unix(0, 0).UTC(), Verdict: "allow"}} {
		if err := l.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]ledger.Entry{entry(0), entry(1), {Time: time.Unix(0, 0).UTC(), Verdict: "allow"}}, entries(t, p)); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	report, err := ledger.Verify(p)
	if err != nil {
		t.Fatal(err)
	}
	seq, head := l.Head()
	want := ledger.Report{Records: 3, First: entry(0).Time, Last: time.Unix(0, 0).UTC(), Head: head}
	if diff := cmp.Diff(want, report); diff != "" || seq != 3 {
		t.Errorf("report (-want +got), Head %d:\n%s", seq, diff)
	}
	if info, _ := os.Stat(p); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

// The format is a promise: a line can be checked with any SHA-256 tool, as the package comment says.
func TestFormat(t *testing.T) {
	t.Parallel()
	data := read(t, filled(t, 2))
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	prev := strings.Repeat("0", 64)
	for i, line := range lines {
		cut := strings.LastIndex(line, `,"hash":"`)
		sum := sha256.Sum256([]byte(line[:cut] + "}"))
		hash := hex.EncodeToString(sum[:])
		if want := fmt.Sprintf(`,"seq":%d,"prev":"%s","hash":"%s"}`, i+1, prev, hash); !strings.HasSuffix(line, want) {
			t.Errorf("line %d ends otherwise than in %s:\n%s", i+1, want, line)
		}
		prev = hash
	}
	const want = `{"time":"2026-11-23T10:00:00.000005Z","id":"id-0","mode":"live","method":"PATCH","host":"graph.microsoft.com",` +
		`"path":"/beta/deviceManagement/embeddedSIMActivationCodePools/p/assignments/a?x=<1>&y=2","operation":"update",` +
		`"resource":"embeddedSIMActivationCodePoolAssignment","targets":[{"type":"group","id":"11111111-0000-0000-0000-000000000000",` +
		`"filter_id":"f","filter_mode":"include","intent":"apply"}],"verdict":"deny","violations":[{"id":"scope.missing","level":"deny"},` +
		`{"id":"target.abstract","level":"warn"}],"status":403,"source":"proxy","app":"app","object":"object","tenant":"tenant",` +
		`"client_request_id":"client \"quoted\"\nline","body_sha256":"`
	if !strings.HasPrefix(lines[0], want) {
		t.Errorf("first line begins otherwise than in\n%s:\n%s", want, lines[0])
	}
}

func TestReopenContinuesTheChain(t *testing.T) {
	t.Parallel()
	p := filled(t, 3)
	l := open(t, p)
	if l.Torn() != 0 {
		t.Errorf("Torn %d", l.Torn())
	}
	if err := l.Append(entry(3)); err != nil {
		t.Fatal(err)
	}
	if report, err := ledger.Verify(p); err != nil || report.Records != 4 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestConcurrentAppends(t *testing.T) {
	t.Parallel()
	for _, options := range [][]ledger.Option{nil, {ledger.WithSync()}} {
		p := path(t)
		l := open(t, p, options...)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 20 {
					if err := l.Append(entry(i*20 + j)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if report, err := ledger.Verify(p); err != nil || report.Records != 160 {
			t.Errorf("%+v, %v", report, err)
		}
		seen := map[string]bool{}
		for _, e := range entries(t, p) {
			seen[e.ID] = true
		}
		if len(seen) != 160 {
			t.Errorf("%d different entries, want 160", len(seen))
		}
	}
}

func TestOneWriter(t *testing.T) {
	t.Parallel()
	p := path(t)
	first := open(t, p)
	if _, err := ledger.Open(p); !errors.Is(err, ledger.ErrLocked) {
		t.Errorf("a second writer: %v", err)
	}
	if err := first.Append(entry(0)); err != nil {
		t.Errorf("the first writer: %v", err)
	}
	if _, err := ledger.Verify(p); err != nil {
		t.Errorf("a reader: %v", err)
	}
	for range 2 {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := first.Append(entry(1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	open(t, p)
}

func TestTornTailIsCutOff(t *testing.T) {
	t.Parallel()
	whole := read(t, filled(t, 3))
	second := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	cases := map[string]struct {
		data []byte
		keep int
		torn int
	}{
		"nothing torn":          {whole, 3, 0},
		"empty file":            {nil, 0, 0},
		"line break missing":    {whole[:len(whole)-1], 2, len(whole) - 1 - second},
		"one byte of a line":    {whole[:second+1], 2, 1},
		"half of the only line": {whole[:40], 0, 40},
		"a brace":               {whole[:1], 0, 1},
		"zeros after power cut": {append(bytes.Clone(whole), make([]byte, 4096)...), 3, 4096},
		"nothing but zeros":     {make([]byte, 512), 0, 512},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := save(t, tt.data)
			if report, err := ledger.Verify(p); err != nil || report.Records != tt.keep || report.Torn != int64(tt.torn) {
				t.Errorf("before: %+v, %v", report, err)
			}
			l := open(t, p)
			if l.Torn() != int64(tt.torn) {
				t.Errorf("Torn %d, want %d", l.Torn(), tt.torn)
			}
			if err := l.Append(entry(9)); err != nil {
				t.Fatal(err)
			}
			if report, err := ledger.Verify(p); err != nil || report.Records != tt.keep+1 || report.Torn != 0 {
				t.Errorf("after: %+v, %v", report, err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	whole := string(read(t, filled(t, 3)))
	lines := strings.SplitAfter(whole, "\n")
	cases := map[string]string{
		"other text":                      "hello",
		"other lines":                     "hello\nworld\n",
		"a damaged last line":             lines[0] + lines[1] + strings.Replace(lines[2], "deny", "warn", 1),
		"a last line that skips one":      lines[0] + lines[2],
		"a first line that is not first":  lines[1],
		"a damaged line before the last":  lines[0] + strings.Replace(lines[1], "deny", "warn", 1) + lines[2],
		"an empty last line":              whole + "\n",
		"one line without end":            strings.Repeat("x", 2<<20),
		"one line without end, very long": strings.Repeat("x", 5<<20),
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := save(t, []byte(data))
			if _, err := ledger.Open(p); err == nil || !strings.Contains(err.Error(), p) {
				t.Errorf("Open: %v", err)
			}
			if got := read(t, p); string(got) != data {
				t.Error("the file was changed")
			}
		})
	}
	if _, err := ledger.Open(filepath.Join(t.TempDir(), "no", "folder")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := ledger.Open(t.TempDir()); err == nil {
		t.Error("a folder was opened")
	}
}

func TestEntryTooLong(t *testing.T) {
	t.Parallel()
	p := path(t)
	l := open(t, p)
	long := entry(0)
	long.Path = strings.Repeat("x", 1<<20)
	if err := l.Append(long); err == nil {
		t.Error("an entry over the bound was taken")
	}
	long.Path = long.Path[:1<<20-2048]
	if err := l.Append(long); err != nil {
		t.Errorf("an entry within the bound: %v", err)
	}
	l.Close()
	open(t, p)
	if report, err := ledger.Verify(p); err != nil || report.Records != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}
