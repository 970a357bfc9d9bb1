package ledger_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/ledger"
)

func TestVerifyNamesTheFirstBrokenLine(t *testing.T) {
	t.Parallel()
	whole := string(read(t, filled(t, 5)))
	line := strings.SplitAfter(whole, "\n")
	other := strings.SplitAfter(string(read(t, func() string {
		p := path(t)
		l := open(t, p)
		for i := range 3 {
			if err := l.Append(entry(100 + i)); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}())), "\n")
	edit := func(n int, old, new string) string {
		if !strings.Contains(line[n-1], old) {
			t.Fatalf("line %d has no %q", n, old)
		}
		return strings.Join(line[:n-1], "") + strings.Replace(line[n-1], old, new, 1) + strings.Join(line[n:], "")
	}
	for _, tt := range []struct {
		name, data string
		line       int // 0: sound
		want       string
	}{
		{"untouched", whole, 0, ""},
		{"verdict changed", edit(3, `"verdict":"deny"`, `"verdict":"warn"`), 3, "changed after"},
		{"space added", edit(2, `,"id"`, `, "id"`), 2, "changed after"},
		{"member added", edit(4, `{"time"`, `{"verdict":"allow","time"`), 4, "changed after"},
		{"last line changed", edit(5, "PATCH", "POST"), 5, "changed after"},
		{"hash changed", edit(1, `"hash":"`, `"hash":"0`), 1, "not a ledger record"},
		{"first line removed", strings.Join(line[1:], ""), 1, "does not follow"},
		{"line removed", line[0] + line[2] + line[3], 2, "does not follow"},
		{"lines swapped", line[0] + line[2] + line[1] + line[3], 2, "does not follow"},
		{"line twice", line[0] + line[1] + line[1] + line[2], 3, "does not follow"},
		{"line of another ledger", line[0] + other[1] + line[2], 2, "does not follow"},
		{"text between", line[0] + "hello\n" + line[1], 2, "not a ledger record"},
		{"empty line", line[0] + "\n" + line[1], 2, "not a ledger record"},
		{"JSON that is no record", line[0] + "{}\n", 2, "not a ledger record"},
		// What the chain cannot show by itself; the head, kept elsewhere, does.
		{"end cut off", line[0] + line[1], 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			report, err := ledger.Verify(save(t, []byte(tt.data)))
			broken, ok := errors.AsType[*ledger.Broken](err)
			if tt.line == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !ok || broken.Line != tt.line || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want line %d: %s", err, tt.line, tt.want)
			}
			if report.Records != tt.line-1 {
				t.Errorf("report covers %d records", report.Records)
			}
		})
	}
}

func TestReadGoesOnAfterABrokenLine(t *testing.T) {
	t.Parallel()
	line := strings.SplitAfter(string(read(t, filled(t, 4))), "\n")
	p := save(t, []byte(line[0]+"junk\n"+strings.Replace(line[2], "deny", "warn", 1)+line[3]+"{torn"))
	var got []string
	for r, err := range ledger.Read(p) {
		broken, ok := errors.AsType[*ledger.Broken](err)
		if err != nil && (!ok || broken.Line != r.Line) {
			t.Fatalf("line %d: %v", r.Line, err)
		}
		got = append(got, r.ID+"/"+map[bool]string{true: "broken", false: "sound"}[ok])
	}
	if want := "id-0/sound /broken id-2/broken id-3/sound"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	for r, err := range ledger.Read(p) {
		if r.Seq != 1 || err != nil {
			t.Error("did not stop when asked to")
		}
		break
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	for _, err := range ledger.Read(missing) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing file: %v", err)
		}
	}
	if _, err := ledger.Verify(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	long := save(t, []byte(strings.Repeat("x", 3<<20)+"\n"))
	if _, err := ledger.Verify(long); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a line that is too long: %v", err)
	}
	n := 0
	for _, err := range ledger.Read(long) {
		n++
		if err == nil {
			t.Error("a line that is too long was read")
		}
	}
	if n != 1 {
		t.Errorf("%d results, want one error", n)
	}
}

func FuzzRead(f *testing.F) {
	whole := read(f, filled(f, 3))
	f.Add(whole)
	f.Add(whole[:len(whole)-7])
	f.Add([]byte("{}\n\n"))
	f.Add([]byte(`{"time":1,"hash":"` + strings.Repeat("0", 64) + "\"}\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := os.CreateTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		p := file.Name()
		defer os.Remove(p)
		if _, err := file.Write(data); err != nil {
			t.Fatal(err)
		}
		file.Close()
		report, verifyErr := ledger.Verify(p)
		sound := 0
		for _, err := range ledger.Read(p) {
			if err != nil {
				break
			}
			sound++
		}
		if report.Records > sound {
			t.Errorf("Verify vouches for %d records, Read finds %d", report.Records, sound)
		}
		// What can be opened and verified can be continued.
		l, err := ledger.Open(p)
		if err != nil {
			return
		}
		err = l.Append(entry(1))
		l.Close()
		if err != nil {
			t.Fatal(err)
		}
		after, err := ledger.Verify(p)
		if verifyErr == nil && (err != nil || after.Records != report.Records+1) {
			t.Errorf("%d records, then %d and %v", report.Records, after.Records, err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, bb := range []struct {
		name    string
		options []ledger.Option
	}{{"plain", nil}, {"sync", []ledger.Option{ledger.WithSync()}}} {
		b.Run(bb.name, func(b *testing.B) {
			l, e := open(b, path(b), bb.options...), entry(1)
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Append(e); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bb.name+"/parallel", func(b *testing.B) {
			l, e := open(b, path(b), bb.options...), entry(1)
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := l.Append(e); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	p := filled(b, 1000)
	b.SetBytes(int64(len(read(b, p))))
	for b.Loop() {
		if _, err := ledger.Verify(p); err != nil {
			b.Fatal(err)
		}
	}
}
