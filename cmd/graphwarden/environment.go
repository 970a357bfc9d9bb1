package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/graphwarden/graphwarden/internal/ca"
)

// A variable of a child's environment.
type variable struct{ name, value string }

// trustFiles are the files by which clients come to trust the CA.
type trustFiles struct {
	root   string // the CA's certificate alone, for variables that add to what a client trusts
	bundle string // with the system's roots, for variables that replace it
	java   string // the bundle as PKCS #12
}

// filesOf writes the files that are not there yet.
func filesOf(a *ca.Authority) (f trustFiles, err error) {
	f.root = a.RootPath()
	if f.bundle, err = a.BundlePath(); err != nil {
		return f, err
	}
	f.java, err = a.TrustStorePath()
	return f, err
}

// childEnvironment is base with the variables set that send a child's traffic to the proxy and make it trust the CA.
func childEnvironment(base []string, proxyURL string, a *ca.Authority) ([]string, error) {
	set, err := proxyVariables(base, proxyURL, a)
	if err != nil {
		return nil, err
	}
	replaced := map[string]bool{}
	for _, v := range set {
		replaced[v.name] = true
	}
	environ := make([]string, 0, len(base)+len(set))
	for _, pair := range base {
		if name, _, _ := strings.Cut(pair, "="); !replaced[name] {
			environ = append(environ, pair)
		}
	}
	for _, v := range set {
		environ = append(environ, v.name+"="+v.value)
	}
	return environ, nil
}

// proxyVariables are the variables to set. Both spellings are set, since clients differ in which they read and in
// which wins: curl reads http_proxy in lower case only, .NET prefers it, others know upper case alone.
func proxyVariables(base []string, proxyURL string, a *ca.Authority) ([]variable, error) {
	u, err := url.Parse(proxyURL)
	if err != nil || u.Hostname() == "" || u.Port() == "" {
		return nil, fmt.Errorf("%q is not the URL of a proxy, such as http://127.0.0.1:8080", proxyURL)
	}
	files, err := filesOf(a)
	if err != nil {
		return nil, err
	}
	direct := noProxy(base, a.Hosts())
	return []variable{
		{"HTTPS_PROXY", proxyURL},
		{"https_proxy", proxyURL},
		{"HTTP_PROXY", proxyURL},
		{"http_proxy", proxyURL},
		{"NO_PROXY", direct},
		{"no_proxy", direct},
		{"SSL_CERT_FILE", files.bundle},
		{"CURL_CA_BUNDLE", files.bundle}, // goes over SSL_CERT_FILE, so it must not keep an older value
		{"REQUESTS_CA_BUNDLE", files.bundle},
		{"NODE_EXTRA_CA_CERTS", files.root},
		{"NODE_USE_ENV_PROXY", "1"}, // without it Node 24 and later ignore the rest
		{"GIT_SSL_CAINFO", files.bundle},
		{"AWS_CA_BUNDLE", files.bundle},
		{"JAVA_TOOL_OPTIONS", javaOptions(lookup(base, "JAVA_TOOL_OPTIONS"), u, files.java)},
	}, nil
}

// noProxy is what NO_PROXY and no_proxy said, without the entries that would hide a Graph host, and with the machine
// itself, which a test suite talks to and the proxy has no business with.
func noProxy(base, graphHosts []string) string {
	var kept []string
	seen := map[string]bool{}
	said := lookup(base, "NO_PROXY") + "," + lookup(base, "no_proxy") + ",localhost,127.0.0.1,::1"
	for entry := range strings.SplitSeq(said, ",") {
		entry = strings.TrimSpace(entry)
		if entry != "" && !seen[entry] && !hides(entry, graphHosts) {
			kept = append(kept, entry)
		}
		seen[entry] = true
	}
	return strings.Join(kept, ",")
}

// hides tells whether a client may read the entry of NO_PROXY as one of the hosts. Clients differ in whether a domain
// covers its subdomains, with a leading dot, a star or neither: what any of them would take for a match counts.
func hides(entry string, hosts []string) bool {
	domain, _, _ := strings.Cut(strings.ToLower(entry), ":")
	domain = strings.Trim(strings.TrimPrefix(domain, "*"), ".")
	if domain == "" {
		return strings.Contains(entry, "*")
	}
	for _, h := range hosts {
		if h == domain || strings.HasSuffix(h, "."+domain) {
			return true
		}
	}
	return false
}

// javaOptions adds ours to the options: the last of two wins in Java, so a proxy set before gives way.
func javaOptions(before string, proxy *url.URL, store string) string {
	ours := fmt.Sprintf("-Dhttps.proxyHost=%[1]s -Dhttps.proxyPort=%[2]s -Dhttp.proxyHost=%[1]s -Dhttp.proxyPort=%[2]s "+
		"-Djavax.net.ssl.trustStore=%[3]s -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=%[4]s",
		proxy.Hostname(), proxy.Port(), javaQuote(store), ca.TrustStorePassword)
	if strings.Contains(before, ours) {
		return before // env was evaluated before
	}
	return strings.TrimSpace(before + " " + ours)
}

// javaQuote keeps a path with spaces in one piece: the JVM splits the variable at white space outside quotes.
func javaQuote(path string) string {
	if !strings.ContainsAny(path, " \t'\"") {
		return path
	}
	if strings.Contains(path, `"`) {
		return "'" + path + "'"
	}
	return `"` + path + `"`
}
