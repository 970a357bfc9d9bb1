package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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
	wget   string // settings that name the bundle
	php    string // a folder of settings that do
}

// filesOf writes the files that are not there yet.
func filesOf(a *ca.Authority) (f trustFiles, err error) {
	f.root = a.RootPath()
	if f.bundle, err = a.BundlePath(); err != nil {
		return f, err
	}
	if f.java, err = a.TrustStorePath(); err != nil {
		return f, err
	}
	if f.wget, err = a.WgetrcPath(); err != nil {
		return f, err
	}
	f.php, err = a.PHPFolder()
	return f, err
}

// childEnvironment is base with the variables set that send a child's traffic to the proxy and make it trust the CA.
func childEnvironment(base []string, proxyURL string, a *ca.Authority) ([]string, error) {
	set, err := proxyVariables(base, proxyURL, a)
	if err != nil {
		return nil, err
	}
	// What the child asks graphwarden for, such as a browser's flags, is to be of the same CA.
	set = append(set, variable{"GRAPHWARDEN_CA_DIR", a.Dir()})
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
	set := []variable{
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
		{"PERL_LWP_ENV_PROXY", "1"}, // without it LWP reads no proxy from the environment
		{"PERL_LWP_SSL_CA_FILE", files.bundle},
		{"PHP_INI_SCAN_DIR", phpFolders(lookup(base, "PHP_INI_SCAN_DIR"), files.php)},
		{"JAVA_TOOL_OPTIONS", javaOptions(lookup(base, "JAVA_TOOL_OPTIONS"), u, files.java)},
	}
	if ownWgetrc(base, files.wget) == "" {
		set = append(set, variable{"WGETRC", files.wget})
	}
	return set, nil
}

// ownWgetrc is the user's own settings file for wget, empty where there is none. It is left in force: wget reads one
// file, and what is in theirs may be needed.
func ownWgetrc(base []string, ours string) string {
	if own := lookup(base, "WGETRC"); own != "" {
		if own == ours {
			return ""
		}
		return own
	}
	if home := lookup(base, "HOME"); home != "" {
		if own := filepath.Join(home, ".wgetrc"); isFile(own) {
			return own
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// phpFolders adds ours to the folders that PHP reads settings from. An empty one stands for those PHP was built with.
func phpFolders(before, ours string) string {
	if slices.Contains(filepath.SplitList(before), ours) {
		return before
	}
	return before + string(filepath.ListSeparator) + ours
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
