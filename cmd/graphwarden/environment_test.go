package main

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/ca"
)

func TestNoProxy(t *testing.T) {
	t.Parallel()
	hosts := []string{"graph.microsoft.com", "graph.contoso.example"}
	const own = "localhost,127.0.0.1,::1"
	for _, tt := range []struct{ name, said, want string }{
		{"nothing", "", own},
		{"others stay", "intranet.example,10.0.0.0/8,.corp.example", "intranet.example,10.0.0.0/8,.corp.example," + own},
		{"exact", "graph.microsoft.com,a.example", "a.example," + own},
		{"case and port", "Graph.Microsoft.com:443", own},
		{"domain", "microsoft.com", own},
		{"dot", ".microsoft.com", own},
		{"star and dot", "*.microsoft.com", own},
		{"trailing dot", "graph.microsoft.com.", own},
		{"everything", "*", own},
		{"top level", "com", own},
		{"a host that only ends alike", "ograph.microsoft.com,soft.com", "ograph.microsoft.com,soft.com," + own},
		{"a host below Graph", "x.graph.microsoft.com", "x.graph.microsoft.com," + own},
		{"another of Microsoft's", "login.microsoftonline.com", "login.microsoftonline.com," + own},
		{"added hosts count", "contoso.example", own},
		{"spaces and gaps", " a.example , ,b.example", "a.example,b.example," + own},
		{"no entry twice", "localhost,localhost", own},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range []string{"NO_PROXY=", "no_proxy="} {
				if got := noProxy([]string{name + tt.said}, hosts); got != tt.want {
					t.Errorf("%s%s: got %q, want %q", name, tt.said, got, tt.want)
				}
			}
		})
	}
}

func TestChildEnvironment(t *testing.T) {
	t.Parallel()
	a, _, err := ca.Ensure(t.TempDir(), []string{"graph.microsoft.com"})
	if err != nil {
		t.Fatal(err)
	}
	base := []string{"PATH=/bin", "CURL_CA_BUNDLE=/old.pem", "no_proxy=*", "JAVA_TOOL_OPTIONS=-Xmx1g", "HTTPS_PROXY=http://old:1"}
	got, err := childEnvironment(base, "http://127.0.0.1:9", a)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(got, "PATH=/bin") {
		t.Error("a variable that is none of ours is lost")
	}
	names := map[string]int{}
	for _, pair := range got {
		name, _, _ := strings.Cut(pair, "=")
		names[name]++
	}
	for name, n := range names {
		if n != 1 {
			t.Errorf("%s is set %d times", name, n)
		}
	}
	bundle, err := a.BundlePath()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "CURL_CA_BUNDLE": bundle,
		"NODE_EXTRA_CA_CERTS": a.RootPath(), "NODE_USE_ENV_PROXY": "1", "no_proxy": "localhost,127.0.0.1,::1",
	}
	for name, value := range want {
		if v := lookup(got, name); v != value {
			t.Errorf("%s is %q, want %q", name, v, value)
		}
	}
	if v := lookup(got, "JAVA_TOOL_OPTIONS"); !strings.HasPrefix(v, "-Xmx1g -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=9 ") {
		t.Errorf("JAVA_TOOL_OPTIONS is %q", v)
	}
	again, err := childEnvironment(got, "http://127.0.0.1:9", a)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("a child of a child (-first +second):\n%s", diff)
	}
	for _, bad := range []string{"", "127.0.0.1:9", "http://127.0.0.1", "http://:9"} {
		if _, err := childEnvironment(base, bad, a); err == nil {
			t.Errorf("%q is taken for the URL of a proxy", bad)
		}
	}
}

func TestJavaOptionsKeepSpaces(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:9"}
	if got := javaOptions("", u, `/my files/t.p12`); !strings.Contains(got, `-Djavax.net.ssl.trustStore="/my files/t.p12" `) {
		t.Error(got)
	}
	if got := javaOptions("", u, `/files/t.p12`); !strings.Contains(got, `-Djavax.net.ssl.trustStore=/files/t.p12 `) {
		t.Error(got)
	}
}
