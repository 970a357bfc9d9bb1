package ca_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smallstep/truststore"

	"github.com/graphwarden/graphwarden/internal/ca"
)

// system points the library at a folder in the place of the machine's store, and keeps sudo out of reach.
func system(t *testing.T, folder string, command ...string) {
	t.Helper()
	name, old := truststore.SystemTrustFilename, truststore.SystemTrustCommand
	truststore.SystemTrustFilename, truststore.SystemTrustCommand = filepath.Join(folder, "%s.crt"), command
	t.Cleanup(func() { truststore.SystemTrustFilename, truststore.SystemTrustCommand = name, old })
	bin := t.TempDir()
	for _, tool := range []string{"tee", "rm", "true", "false"} {
		for _, at := range []string{"/bin/", "/usr/bin/"} {
			if _, err := os.Stat(at + tool); err == nil {
				if err := os.Symlink(at+tool, filepath.Join(bin, tool)); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
	}
	t.Setenv("PATH", bin)
}

func TestInstallAndRemove(t *testing.T) {
	folder := t.TempDir()
	system(t, folder, "true")
	a := ensure(t, hosts...)
	for range 2 {
		if err := ca.Install(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(folder, "*.crt"))
	if len(files) != 1 {
		t.Fatalf("installed %v, want one file", files)
	}
	if got, _ := os.ReadFile(files[0]); string(got) != string(a.RootPEM()) {
		t.Errorf("installed %q", got)
	}
	for range 2 {
		if err := ca.Remove(t.Context(), a, ca.StoreSystem); err != nil {
			t.Fatal(err)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(folder, "*")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestInstallErrorsNameTheCommand(t *testing.T) {
	a := ensure(t, hosts...)
	missing := filepath.Join(t.TempDir(), "missing")
	system(t, missing, "true")
	t.Setenv("JAVA_HOME", "")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		do   func(context.Context, *ca.Authority, ...ca.Store) error
		in   ca.Store
		want string
	}{
		{"not permitted", t.Context(), ca.Install, ca.StoreSystem, "run: cp " + a.RootPath() + " " + missing},
		{"no certutil", t.Context(), ca.Install, ca.StoreNSS, "certutil"},
		{"no JDK", t.Context(), ca.Remove, ca.StoreJava, "JAVA_HOME"},
		{"no such store", t.Context(), ca.Install, "firefox", "want system, nss or java"},
		{"cancelled", cancelled, ca.Install, ca.StoreSystem, "context canceled"},
	} {
		err := tt.do(tt.ctx, a, tt.in)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	if err := ca.Install(cancelled, a); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	system(t, t.TempDir(), "false")
	if err := ca.Remove(t.Context(), a); err == nil || !strings.Contains(err.Error(), "run: false") {
		t.Errorf("a tool that fails: %v", err)
	}
}
