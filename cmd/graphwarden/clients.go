package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// A client is one kind of program that calls Graph: what it reads of the environment that run and env set. The table of
// README and docs/clients.md, what run says of a command, and what doctor tries are all made from this one list.
type client struct {
	// name, proxy, trust and remark are the columns of the table, in Markdown.
	name, proxy, trust, remark string
	// programs are the names a command line runs it by, without .exe.
	programs []string
	// ignores says why the one on this machine takes no notice of the environment and what to do, in that order; both
	// empty when it does take notice. A nil function stands for that.
	ignores func(look) (why, fix string)
	// probe is how doctor has it fetch a URL; nil where no single command does.
	probe *probe
}

// look is what can be found out about a command before it runs.
type look struct {
	env     *Env
	path    string // of the program
	version func() string
	goos    string
}

// A probe is a command whose last argument is the URL to get. Its own outcome does not matter: the proxy sees.
type probe struct {
	program string
	args    []string
	// file and text are a source file that args name, for clients that take no program on the command line.
	file, text string
	// needs is text in the output that tells of a part that is not installed, rather than of a fault.
	needs []string
}

const (
	byHTTPSProxy  = "`HTTPS_PROXY`"
	bySSLCertFile = "`SSL_CERT_FILE`"
)

const pythonRequest = "import sys, urllib.request, urllib.error\ntry: urllib.request.urlopen(sys.argv[1], timeout=15)\nexcept urllib.error.HTTPError: pass"

// clients is the list, in the order of the table.
func clients() []client {
	return []client{
		{name: "curl", proxy: byHTTPSProxy, trust: "`CURL_CA_BUNDLE`, " + bySSLCertFile, programs: []string{"curl"},
			remark: "Windows: its store (`graphwarden ca install`) and `--ssl-revoke-best-effort`",
			probe:  &probe{program: "curl", args: []string{"-sS", "-o", nullDevice(), "--max-time", "15"}}},
		{name: "wget", proxy: byHTTPSProxy, trust: "`WGETRC` (GnuTLS), " + bySSLCertFile + " (OpenSSL)", programs: []string{"wget"},
			remark: "your own `~/.wgetrc` is left in force; add `ca_certificate` to it", ignores: wgetIgnores,
			probe: &probe{program: "wget", args: []string{"-nv", "-O", nullDevice(), "--timeout=15", "--tries=1"}}},
		{name: "Python urllib", proxy: byHTTPSProxy, trust: bySSLCertFile,
			probe: &probe{program: "python3", args: []string{"-c", pythonRequest}}},
		{name: "Python requests, MSAL, azure-core, az, HTTPie", proxy: byHTTPSProxy, trust: "`REQUESTS_CA_BUNDLE`",
			probe: &probe{program: "python3", args: []string{"-c", "import sys, requests; requests.get(sys.argv[1], timeout=15)"},
				needs: []string{"No module named 'requests'"}}},
		{name: "Python httpx, Graph SDK for Python", proxy: byHTTPSProxy, trust: bySSLCertFile,
			probe: &probe{program: "python3", args: []string{"-c", "import sys, httpx; httpx.get(sys.argv[1], timeout=15)"},
				needs: []string{"No module named 'httpx'"}}},
		{name: "Python aiohttp", proxy: byHTTPSProxy + " with `trust_env=True`", trust: bySSLCertFile,
			remark: "ignores the proxy without `ClientSession(trust_env=True)` in code",
			probe:  &probe{program: "python3", args: []string{"-c", aiohttpRequest}, needs: []string{"No module named 'aiohttp'"}}},
		{name: "Go, Graph SDK for Go, Terraform", proxy: byHTTPSProxy, trust: bySSLCertFile + " on Linux", programs: []string{"terraform"},
			remark: "macOS and Windows read the system's store: `graphwarden ca install`", ignores: systemStore},
		{name: "Node from 24.5 or 22.21 on: fetch, https, axios, Graph SDK for JavaScript", proxy: byHTTPSProxy + " with `NODE_USE_ENV_PROXY=1`",
			trust: "`NODE_EXTRA_CA_CERTS`", programs: nodePrograms, ignores: nodeIgnores,
			probe: &probe{program: "node", args: []string{"-e", "fetch(process.argv[1]).then(r => r.text())"}}},
		{name: "Node before those", proxy: "an agent in code: undici `EnvHttpProxyAgent`, https-proxy-agent", trust: "`NODE_EXTRA_CA_CERTS`",
			remark: "fetch and https ignore the environment; axios and the `@azure` packages read `HTTPS_PROXY` themselves"},
		{name: "Java 11 and later", proxy: "`JAVA_TOOL_OPTIONS`", trust: "`JAVA_TOOL_OPTIONS`", remark: "a PKCS #12 trust store is made",
			probe: &probe{program: "java", args: []string{"-XX:TieredStopAtLevel=1", "Probe.java"}, file: "Probe.java", text: javaRequest,
				needs: []string{"jdk.compiler", "Could not find or load main class Probe.java"}}},
		{name: "PowerShell 7, .NET", proxy: byHTTPSProxy, trust: bySSLCertFile + " on Linux", programs: []string{"pwsh", "dotnet"},
			remark: "macOS and Windows read the system's store: `graphwarden ca install`", ignores: systemStore,
			probe: &probe{program: "pwsh", args: []string{"-NoProfile", "-Command", "Invoke-WebRequest -SkipHttpErrorCheck -Uri $args[0]"}}},
		{name: "Windows PowerShell 5.1", proxy: "`[Net.WebRequest]::DefaultWebProxy` in code", trust: "the system's store",
			remark: "ignores the environment; use PowerShell 7", programs: []string{"powershell"}, ignores: powershellIgnores},
		{name: "Ruby net/http", proxy: byHTTPSProxy, trust: bySSLCertFile,
			probe: &probe{program: "ruby", args: []string{"-rnet/http", "-e", "Net::HTTP.get_response(URI(ARGV[0]))"}}},
		{name: "PHP curl, Guzzle", proxy: byHTTPSProxy, trust: "`PHP_INI_SCAN_DIR`", remark: "PHP's own streams need the `proxy` of a stream context in code",
			probe: &probe{program: "php", args: []string{"-r", "$c = curl_init($argv[1]); curl_setopt($c, CURLOPT_RETURNTRANSFER, 1); curl_exec($c); echo curl_error($c);"},
				needs: []string{"undefined function curl_init"}}},
		{name: "Perl LWP, HTTP::Tiny", proxy: byHTTPSProxy + " with `PERL_LWP_ENV_PROXY=1`", trust: "`PERL_LWP_SSL_CA_FILE`, " + bySSLCertFile,
			probe: &probe{program: "perl", args: []string{"-MLWP::UserAgent", "-e", `print LWP::UserAgent->new(timeout => 15)->get($ARGV[0])->status_line`},
				needs: []string{"Can't locate LWP", "LWP::Protocol::https not installed"}}},
		{name: "git", proxy: byHTTPSProxy, trust: "`GIT_SSL_CAINFO`", remark: "its hosts are not Graph: tunnelled unread"},
		{name: "Chromium, Chrome, Edge", proxy: "flags", trust: "flags", programs: browsers,
			remark: "`chromium $(graphwarden env --shell chromium)`", ignores: browserIgnores},
	}
}

const aiohttpRequest = `import sys, asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession(trust_env=True) as s:
        async with s.get(sys.argv[1]): pass
asyncio.run(main())`

const javaRequest = `import java.net.URI;
import java.net.http.*;

public class Probe {
    public static void main(String[] args) throws Exception {
        HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(args[0])).build(), HttpResponse.BodyHandlers.discarding());
    }
}
`

var (
	nodePrograms = []string{"node", "nodejs", "npm", "npx", "yarn", "pnpm", "tsx", "ts-node", "jest", "vitest", "m365"}
	browsers     = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge"}
)

func nullDevice() string {
	if runtime.GOOS == "windows" {
		return "NUL"
	}
	return "/dev/null"
}

// clientsTable is the table as Markdown.
func clientsTable() string {
	var b strings.Builder
	b.WriteString("| client | proxy | certificate | remark |\n| --- | --- | --- | --- |\n")
	for _, c := range clients() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.name, c.proxy, c.trust, c.remark)
	}
	return strings.ReplaceAll(b.String(), "|  |", "| |")
}

// title is the name's first part, which is what the probe tries.
func (c client) title() string {
	title, _, _ := strings.Cut(c.name, ":")
	title, _, _ = strings.Cut(title, ",")
	return title
}

// clientsOf are those a command line runs by one of the names.
func clientsOf(names []string) []client {
	return slices.DeleteFunc(clients(), func(c client) bool {
		return !slices.ContainsFunc(c.programs, func(p string) bool { return slices.Contains(names, p) })
	})
}
