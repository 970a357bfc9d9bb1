package ledger

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func openTemp(t *testing.T, options ...Option) *Ledger {
	t.Helper()
	l, err := Open(filepath.Join(t.TempDir(), "ledger.jsonl"), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.Append(Entry{ID: "before"}); err != nil {
		t.Fatal(err)
	}
	return l
}

// through runs do with the ledger's writes going to another file.
func through(t *testing.T, l *Ledger, path string, flags int, do func()) {
	t.Helper()
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	real := l.file
	l.file = f
	do()
	l.file = real
}

func TestWriteErrorsAreReturned(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path string
		flags      int
		want       error
	}{
		{"full disk", "/dev/full", os.O_RDWR, syscall.ENOSPC},
		{"read-only", os.DevNull, os.O_RDONLY, syscall.EBADF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := openTemp(t)
			through(t, l, tt.path, tt.flags, func() {
				if err := l.Append(Entry{ID: "lost"}); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			})
			if err := l.Append(Entry{ID: "after"}); err != nil {
				t.Errorf("with room again: %v", err)
			}
			if report, err := Verify(l.path); err != nil || report.Records != 2 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
	if _, err := Open("/dev/full"); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("Open of a device: %v", err)
	}
}

// A pipe takes writes and cannot be flushed.
func TestAFailedFlushIsFinal(t *testing.T) {
	t.Parallel()
	l := openTemp(t, WithSync())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	real := l.file
	l.file = w
	if err := l.Append(Entry{ID: "unknown"}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("got %v, want that of the flush", err)
	}
	l.file = real
	if err := l.Append(Entry{ID: "after"}); err == nil {
		t.Error("appended behind an entry that may be lost")
	}
}

const limited = "LEDGER_TEST_LIMITED"

// The kernel takes a part of a line and refuses the rest: what it took must go. The limit binds a whole process, so
// the test runs itself in another.
func TestPartOfALineIsTakenBack(t *testing.T) {
	path := os.Getenv(limited)
	if path == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPartOfALineIsTakenBack$")
		cmd.Env = append(os.Environ(), limited+"="+filepath.Join(t.TempDir(), "ledger.jsonl"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(Entry{ID: "before"}); err != nil {
		t.Fatal(err)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(l.size) + 50, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Append(Entry{ID: "lost"}); !errors.Is(err, syscall.EFBIG) {
			t.Errorf("over the limit: %v", err)
		}
		if report, err := Verify(path); err != nil || report.Records != 1 || report.Torn != 0 {
			t.Errorf("%+v, %v", report, err)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(Entry{ID: "after"}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if report, err := Verify(path); err != nil || report.Records != 2 {
		t.Errorf("%+v, %v", report, err)
	}
}
