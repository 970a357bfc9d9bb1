package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// TestMan holds that the page has every command and flag, that nothing in it is taken for a request, and, where a
// formatter is installed, that it finds no fault.
func TestMan(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := printMan(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	each(commands(), "", func(c command, name string) {
		if !strings.Contains(page, "\n.SS "+roff(name)+"\n") {
			t.Errorf("%s is not in it", name)
		}
		for _, f := range flagsOf(c, name) {
			if !strings.Contains(page, `\fB`+roff("--"+f.name)+`\fR`) {
				t.Errorf("%s --%s is not in it", name, f.name)
			}
		}
	})
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, ".") && !strings.Contains(" TH SH SS PP TP B I nf fi ad ", " "+strings.Fields(line[1:])[0]+" ") || strings.HasPrefix(line, "'") {
			t.Errorf("taken for a request: %s", line)
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Log("SKIPPED: groff is not installed, so the page is not formatted")
		return
	}
	cmd := exec.Command(groff, "-man", "-ww", "-z", "-Kutf8")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}
