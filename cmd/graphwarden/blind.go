package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// What run says before it starts a command that would not be governed: better a line too many than a change that
// passes unseen.

// A blindSpot is a reason why a command's traffic may not come through the proxy, and what to do about it.
type blindSpot struct{ why, fix string }

// blindSpots are those of a command, found out without running it.
func blindSpots(env *Env, path string) []blindSpot {
	var found []blindSpot
	names, interpreter := programNames(path)
	clients := clientsOf(names)
	if len(clients) == 0 && interpreter != "" {
		path, clients = interpreter, clientsOf([]string{programName(interpreter)})
	}
	for _, c := range clients {
		if c.ignores == nil {
			continue
		}
		l := look{env: env, path: path, goos: runtime.GOOS, version: func() string { return versionOf(env, nodeOf(path)) }}
		if why, fix := c.ignores(l); why != "" {
			found = append(found, blindSpot{why, fix})
		}
	}
	if env.Getenv("NODE_TLS_REJECT_UNAUTHORIZED") == "0" {
		found = append(found, blindSpot{"NODE_TLS_REJECT_UNAUTHORIZED=0 makes Node trust any certificate of any host",
			"unset it: run makes Node trust graphwarden's CA"})
	}
	return found
}

// programNames are the names a program goes by, its own and that of the file behind a link, and for a script the
// interpreter in its first line.
func programNames(path string) (names []string, interpreter string) {
	names = []string{programName(path)}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		names = append(names, programName(target))
	}
	f, err := os.Open(path)
	if err != nil {
		return names, ""
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, 256)).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "#!") {
		return names, ""
	}
	words := strings.Fields(line[2:])
	if len(words) > 1 && filepath.Base(words[0]) == "env" {
		words = words[1:]
		if len(words) > 1 && words[0] == "-S" {
			words = words[1:]
		}
	}
	if len(words) == 0 {
		return names, ""
	}
	return names, words[0]
}

func programName(path string) string {
	return strings.TrimSuffix(strings.ToLower(filepath.Base(path)), ".exe")
}

// nodeOf is the Node that a command of its family runs on: itself, or the first on PATH.
func nodeOf(path string) string {
	if name := programName(path); name == "node" || name == "nodejs" {
		return path
	}
	return "node"
}

// versionOf is the first line that a program prints for --version, empty when it prints none within two seconds.
func versionOf(env *Env, program string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--version")
	cmd.Env = env.Environ
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(out, []byte("\n"))
	return strings.TrimSpace(string(line))
}

// nodeIgnores tells the versions apart: 24.0 read the environment for fetch, 24.5 and 22.21 for https too.
func nodeIgnores(l look) (why, fix string) {
	v := l.version()
	major, minor, ok := majorMinor(v)
	switch {
	case !ok, major >= 25, major == 24 && minor >= 5, major == 22 && minor >= 21:
		return "", ""
	case major == 24:
		return fmt.Sprintf("Node %s takes the proxy from the environment for fetch alone: its https module passes by unjudged, save with an agent in code", v),
			"use Node 24.5 or later, or https-proxy-agent"
	}
	return fmt.Sprintf("Node %s takes no proxy from the environment: fetch and https pass by unjudged, save with an agent in code", v),
		"use Node 22.21, 24.5 or later; or for fetch setGlobalDispatcher(new EnvHttpProxyAgent()) of undici, for https https-proxy-agent"
}

// majorMinor reads v24.5.0.
func majorMinor(v string) (major, minor int, ok bool) {
	parts := strings.Split(strings.TrimPrefix(v, "v"), ".")
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, 0, false
	}
	minor, err = strconv.Atoi(parts[1])
	return major, minor, err == nil
}

func powershellIgnores(look) (why, fix string) {
	return "Windows PowerShell 5.1 takes no proxy from the environment: what it sends passes by unjudged",
		"use pwsh (PowerShell 7), or begin the script with [Net.WebRequest]::DefaultWebProxy = [Net.WebProxy]::new($env:HTTPS_PROXY)"
}

func browserIgnores(look) (why, fix string) {
	return "browsers take no certificate from the environment",
		`graphwarden run -- sh -c 'chromium $(graphwarden env --shell chromium --proxy "$HTTPS_PROXY") URL'`
}

// systemStore is for clients that read SSL_CERT_FILE on Linux alone.
func systemStore(l look) (why, fix string) {
	if l.goos != "darwin" && l.goos != "windows" {
		return "", ""
	}
	return filepath.Base(l.path) + " trusts the system's store alone on this system", "graphwarden ca install, once"
}

func wgetIgnores(l look) (why, fix string) {
	own := ownWgetrc(l.env.Environ, "")
	if own == "" || filepath.Base(own) == "wgetrc" && isFile(filepath.Join(filepath.Dir(own), "authority.pem")) {
		return "", "" // none, or that of an 'eval "$(graphwarden env)"'
	}
	if data, err := os.ReadFile(own); err == nil && bytes.Contains(data, []byte("ca_certificate")) {
		return "", ""
	}
	return "wget reads its certificates from " + own + ", which is left as it is",
		`add "ca_certificate = $(graphwarden ca path)" to it, or use wget --ca-certificate="$SSL_CERT_FILE"`
}
