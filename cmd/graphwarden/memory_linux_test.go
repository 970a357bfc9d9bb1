package main

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnchangedMappings(t *testing.T) {
	t.Parallel()
	const head = "00400000-00fd0000 r-xp 00000000 fe:00 4711                       /usr/bin/graph warden\n"
	const clean = "Size:              12096 kB\nRss:                1024 kB\nAnonymous:             0 kB\nVmFlags: rd ex mr mw me\n"
	want := []mapping{{0x400000, 0xfd0000}}
	for name, tt := range map[string]struct {
		smaps string
		want  []mapping
	}{
		"code":             {head + clean, want},
		"and constants":    {head + clean + strings.NewReplacer("00400000-00fd0000", "00fd0000-02065000", "r-xp", "r--p").Replace(head) + clean, append(want[:1:1], mapping{0xfd0000, 0x2065000})},
		"written to":       {head + strings.Replace(clean, "Anonymous:             0", "Anonymous:             4", 1), nil},
		"to be written to": {strings.Replace(head, "r-xp", "rw-p", 1) + clean, nil},
		"shared":           {strings.Replace(head, "r-xp", "r--s", 1) + clean, nil},
		"another file":     {strings.Replace(head, "/usr/bin/graph warden", "/usr/lib/libc.so", 1) + clean, nil},
		"no file":          {"7f0000000000-7f0000001000 r--p 00000000 00:00 0\n" + clean, nil},
		"of no size":       {strings.Replace(head, "00fd0000", "00400000", 1) + clean, nil},
		"no range":         {strings.Replace(head, "00400000-", "00400000", 1) + clean, nil},
		"an end":           {head, nil},
		"nothing":          {"", nil},
	} {
		if diff := cmp.Diff(tt.want, unchangedMappings([]byte(tt.smaps), "/usr/bin/graph warden"), cmp.AllowUnexported(mapping{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzUnchangedMappings(f *testing.F) {
	f.Add([]byte("00400000-00fd0000 r-xp 00000000 fe:00 4711 /x\nAnonymous: 0 kB\n"))
	f.Add([]byte("-\n: :\n"))
	f.Fuzz(func(t *testing.T, smaps []byte) {
		for _, m := range unchangedMappings(smaps, "/x") {
			if m.start >= m.end || !strings.Contains(string(smaps), "/x") {
				t.Errorf("%x is no mapping of /x", m)
			}
		}
	})
}

// What was unmapped is there again when it is needed; here, the rest of the tests needs it. Not beside other tests, which map
// pages too.
func TestDropStartCode(t *testing.T) {
	before := fileRSS(t)
	dropStartCode()
	after := fileRSS(t)
	t.Logf("%d KiB of files mapped, then %d", before, after)
	if after >= before {
		t.Errorf("%d KiB of files are mapped, before it were %d", after, before)
	}
}

// fileRSS is how much of files this process has mapped, in KiB.
func fileRSS(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, rest, ok := strings.Cut(string(status), "RssFile:")
	if !ok {
		t.Skip("this system does not tell")
	}
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib
}
