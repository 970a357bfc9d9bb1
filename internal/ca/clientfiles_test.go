package ca_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/ca"
)

// A PHP that reads the folder ends up with the very path, whatever characters it has.
func TestPHPFolder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain", "with space", "it's", `a"b'c$d`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _, err := ca.Ensure(filepath.Join(t.TempDir(), name), hosts)
			if err != nil {
				t.Fatal(err)
			}
			dir, err := a.PHPFolder()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := exec.LookPath("php"); err != nil {
				t.Skip("SKIPPED: no php on this machine, so nothing is known about it")
			}
			cmd := exec.Command("php", "-r", `echo ini_get("curl.cainfo"), "\n", ini_get("openssl.cafile");`)
			cmd.Env = append(os.Environ(), "PHP_INI_SCAN_DIR=:"+dir)
			out, err := cmd.Output()
			if want := bundle(t, a) + "\n" + bundle(t, a); err != nil || string(out) != want {
				t.Errorf("PHP reads %q (%v), want %q", out, err, want)
			}
		})
	}
}

func TestWgetrc(t *testing.T) {
	t.Parallel()
	a := ensure(t, hosts...)
	path, err := a.WgetrcPath()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "ca_certificate = " + bundle(t, a); strings.TrimSpace(string(data)) != want {
		t.Errorf("got %q, want %q", data, want)
	}
}
