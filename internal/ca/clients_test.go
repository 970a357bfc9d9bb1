package ca_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/ca"
)

// client is how one real program asks the loopback port for name, trusting what the authority tells it to trust.
type client struct {
	name, tool string
	args       func(a *ca.Authority, port, name string) []string
	env        func(a *ca.Authority) []string
}

func bundle(t *testing.T, a *ca.Authority) string {
	t.Helper()
	path, err := a.BundlePath()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Each client accepts the authority's own certificate and refuses two made with its stolen key: one for another name,
// which the constraints forbid, and one for an address.
func TestRealClients(t *testing.T) {
	t.Parallel()
	a := ensure(t, hosts...)
	pem, store := bundle(t, a), ""
	store, err := a.TrustStorePath()
	if err != nil {
		t.Fatal(err)
	}
	java := func(a *ca.Authority, port, name string) []string {
		return []string{"-XX:TieredStopAtLevel=1", "-Djavax.net.ssl.trustStore=" + store, "-Djavax.net.ssl.trustStoreType=PKCS12",
			"-Djavax.net.ssl.trustStorePassword=" + ca.TrustStorePassword, "testdata/Client.java", port, name}
	}
	clients := []client{
		{name: "python", tool: "python3", args: func(_ *ca.Authority, port, name string) []string {
			return []string{"testdata/client.py", pem, port, name}
		}},
		{name: "python, the root alone", tool: "python3", args: func(a *ca.Authority, port, name string) []string {
			return []string{"testdata/client.py", a.RootPath(), port, name}
		}},
		{name: "node", tool: "node", args: func(_ *ca.Authority, port, name string) []string {
			return []string{"testdata/client.js", port, name}
		}, env: func(a *ca.Authority) []string { return []string{"NODE_EXTRA_CA_CERTS=" + a.RootPath()} }},
		{name: "curl", tool: "curl", args: func(_ *ca.Authority, port, name string) []string {
			return []string{"--silent", "--show-error", "--noproxy", "*", "--cacert", pem, "--write-out", "trusted",
				"--connect-to", "::127.0.0.1:" + port, "https://" + urlHost(name) + "/"}
		}},
		{name: "openssl", tool: "openssl", args: func(_ *ca.Authority, port, name string) []string {
			check := "-verify_hostname"
			if net.ParseIP(name) != nil {
				check = "-verify_ip"
			}
			return []string{"s_client", "-connect", "127.0.0.1:" + port, "-servername", name, check, name,
				"-CAfile", pem, "-x509_strict", "-verify_return_error", "-brief"}
		}},
	}
	for _, jdk := range jdks() {
		clients = append(clients, client{name: jdk, tool: jdk, args: java})
	}
	good := serve(t, a.ServerConfig(host))
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(c.tool); err != nil {
				t.Skipf("SKIPPED: no %s on this machine, so nothing is known about it", c.tool)
			}
			if out, err := c.run(t, a, good, host); err != nil {
				t.Errorf("refuses the minted certificate: %v\n%s", err, out)
			}
			for _, name := range []string{"login.microsoftonline.com", "127.0.0.1"} {
				chain, key := forge(t, a, name)
				bad := serve(t, &tls.Config{Certificates: []tls.Certificate{{Certificate: chain, PrivateKey: key}}})
				out, err := c.run(t, a, bad, name)
				if err == nil {
					t.Errorf("accepts a forged certificate for %s\n%s", name, out)
				} else if !mentions(out, "permitted subtree violation", "excluded subtree violation", "name constraints check failed") {
					t.Errorf("refuses %s for another reason: %s", name, out)
				} else {
					t.Logf("%s: %s", name, firstLine(out))
				}
			}
		})
	}
}

func (c client) run(t *testing.T, a *ca.Authority, port, name string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.tool, c.args(a, port, name)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		v = strings.ToUpper(v)
		return strings.Contains(v, "PROXY") || strings.Contains(v, "JAVA_TOOL") || strings.Contains(v, "_CA_") || strings.HasPrefix(v, "SSL_CERT")
	})
	if c.env != nil {
		cmd.Env = append(cmd.Env, c.env(a)...)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func serve(t *testing.T, config *tls.Config) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{
		Handler:   http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		TLSConfig: config,
		ErrorLog:  quiet,
	}
	go s.ServeTLS(l, "", "")
	t.Cleanup(func() { s.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func jdks() []string {
	found, _ := filepath.Glob("/usr/lib/jvm/*/bin/java")
	seen := map[string]bool{}
	found = slices.DeleteFunc(found, func(path string) bool {
		real, err := filepath.EvalSymlinks(path)
		again := err != nil || seen[real]
		seen[real] = true
		return again
	})
	if len(found) == 0 {
		return []string{"java"}
	}
	return found
}

func urlHost(name string) string {
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

func mentions(out string, words ...string) bool {
	out = strings.ToLower(out)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(out, w) })
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

func TestOpenSSLVerify(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("SKIPPED: no openssl on this machine, so nothing is known about it")
	}
	a := ensure(t, hosts...)
	minted, err := a.Certificate(host)
	if err != nil {
		t.Fatal(err)
	}
	forged, _ := forge(t, a, "login.microsoftonline.com")
	for _, tt := range []struct {
		name  string
		chain [][]byte
		want  string
	}{
		{"minted", minted.Certificate, ": OK"},
		{"forged", forged, "permitted subtree violation"},
	} {
		dir := t.TempDir()
		for i, file := range []string{"leaf.pem", "inter.pem"} {
			data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tt.chain[i]})
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, _ := exec.Command("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-no-CApath", "-no-CAstore",
			"-CAfile", a.RootPath(), "-untrusted", filepath.Join(dir, "inter.pem"), filepath.Join(dir, "leaf.pem")).CombinedOutput()
		if !strings.Contains(string(out), tt.want) {
			t.Errorf("%s: want %q in %s", tt.name, tt.want, out)
		}
	}
}
