package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestClientsTable keeps the tables that people read equal to the list that the code uses.
func TestClientsTable(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../../README.md", "../../docs/clients.md"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		const head = "| client | proxy |"
		before, rest, ok := strings.Cut(string(data), head)
		if !ok {
			t.Errorf("%s has no table of clients", file)
			continue
		}
		table, after, _ := strings.Cut(head+rest, "\n\n")
		if diff := cmp.Diff(clientsTable(), table+"\n"); diff != "" {
			if *update {
				if err := os.WriteFile(file, []byte(before+clientsTable()+"\n"+after), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			t.Errorf("%s (-code +file; -update rewrites it):\n%s", file, diff)
		}
	}
}

func TestNodeVersions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		version, want string
	}{
		{"v18.19.0", "takes no proxy"},
		{"v20.20.2", "takes no proxy"},
		{"v22.20.0", "takes no proxy"},
		{"v22.21.0", ""},
		{"v23.11.0", "takes no proxy"},
		{"v24.4.1", "for fetch alone"},
		{"v24.5.0", ""},
		{"v26.0.0", ""},
		{"", ""}, // not known: nothing is claimed
		{"something else", ""},
	} {
		why, fix := nodeIgnores(look{version: func() string { return tt.version }})
		if (tt.want == "") != (why == "") || !strings.Contains(why, tt.want) || (why == "") != (fix == "") {
			t.Errorf("%q: %q, %q", tt.version, why, fix)
		}
	}
}

// TestBlindSpots tells commands that would pass by the proxy from like ones that do not.
func TestBlindSpots(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	oldNode := write("old/node", "#!/bin/sh\necho v20.20.2\n", 0o755)
	newNode := write("new/node", "#!/bin/sh\necho v24.9.0\n", 0o755)
	write("home/.wgetrc", "tries = 3\n", 0o600)
	write("other/.wgetrc", "ca_certificate = /mine.pem\n", 0o600)
	for _, tt := range []struct {
		name, path string
		environ    []string
		want       string
	}{
		{"node 20", oldNode, nil, "Node v20.20.2 takes no proxy"},
		{"node 24", newNode, nil, ""},
		{"a script for node 20", write("tool.js", "#!"+oldNode+"\n", 0o755), nil, "Node v20.20.2"},
		{"a script for node 24", write("other.js", "#!"+newNode+" --flag\n", 0o755), nil, ""},
		{"a shell script", write("tool.sh", "#!/bin/sh\n", 0o755), nil, ""},
		{"certificates unchecked", "/bin/sh", []string{"NODE_TLS_REJECT_UNAUTHORIZED=0"}, "any certificate"},
		{"certificates checked", "/bin/sh", []string{"NODE_TLS_REJECT_UNAUTHORIZED=1"}, ""},
		{"PowerShell 5.1", "/x/PowerShell.exe", nil, "PowerShell 5.1"},
		{"PowerShell 7", "/x/pwsh", nil, ""},
		{"a browser", "/x/google-chrome", nil, "browsers take no certificate"},
		{"wget", "/x/wget", []string{"HOME=" + dir}, ""},
		{"wget with settings", "/x/wget", []string{"HOME=" + filepath.Join(dir, "home")}, "left as it is"},
		{"wget with settings that name certificates", "/x/wget", []string{"HOME=" + filepath.Join(dir, "other")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var said []string
			for _, b := range blindSpots(&Env{Environ: append(tt.environ, "PATH="+os.Getenv("PATH"))}, tt.path) {
				said = append(said, b.why)
				if b.fix == "" {
					t.Errorf("%q says not what to do", b.why)
				}
			}
			if got := strings.Join(said, "\n"); (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
