package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/ca"
	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// examine checks what needs no client.
func (d *doctor) examine(ctx context.Context) {
	d.add(d.port(ctx))
	authority, found := d.authority()
	d.add(found)
	d.add(d.policies(ctx))
	for _, f := range d.variables(authority) {
		d.add(f)
	}
}

// port tells whether serve could listen, and if not, whether it is graphwarden that does already.
func (d *doctor) port(ctx context.Context) finding {
	f := finding{Name: "port", Health: healthy}
	l, err := net.Listen("tcp", d.settings.Listen)
	if err == nil {
		_ = l.Close()
		f.Detail = d.settings.Listen + " is free"
		return f
	}
	if address, urlErr := proxyURL(d.settings.Listen); urlErr == nil {
		quiet := &Env{Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer)}
		if healthcheck(ctx, quiet, address) == nil {
			f.Detail = "graphwarden already listens on " + d.settings.Listen
			return f
		}
	}
	f.Health, f.Detail, f.Fix = failing, err.Error(), "serve with another: --listen 127.0.0.1:0 picks a free one; run always does"
	return f
}

// authority looks at the CA that is there, and makes none.
func (d *doctor) authority() (*ca.Authority, finding) {
	f := finding{Name: "CA", Health: healthy}
	hosts, err := graph.NewHosts(d.settings.GraphHosts...)
	if err != nil {
		return nil, finding{Name: "CA", Health: failing, Detail: err.Error()}
	}
	a, err := ca.Load(d.settings.CADir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Detail = "none in " + d.settings.CADir + " yet; the first use makes one"
		return nil, f
	case err != nil:
		f.Health, f.Detail, f.Fix = failing, err.Error(), "graphwarden ca init --force, then trust the new one where the old one was trusted"
		return nil, f
	}
	covered := a.Hosts()
	for _, h := range hosts.Names() {
		if !slices.Contains(covered, h) {
			f.Health, f.Detail = failing, h+" is not covered by the CA's name constraints"
			f.Fix = "graphwarden ca init --force with the same --graph-host flags"
			return a, f
		}
	}
	f.Detail = fmt.Sprintf("%s, for %d Graph hosts until %s", a.RootPath(), len(covered), a.NotAfter().Format(time.DateOnly))
	if left := time.Until(a.NotAfter()); left < 30*24*time.Hour {
		f.Health, f.Fix = noted, "graphwarden ca init --force makes a new one, which must be trusted anew"
	}
	return a, f
}

func (d *doctor) policies(ctx context.Context) finding {
	engine, err := loadPolicies(ctx, d.settings)
	if err != nil {
		return finding{Name: "policy", Health: failing, Detail: inOneLine(err),
			Fix: "until it is mended, serve and run do not start"}
	}
	levels := map[string]int{}
	for _, r := range engine.Rules() {
		levels[r.Level]++
	}
	return finding{Name: "policy", Health: healthy, Detail: fmt.Sprintf("%d rules deny, %d warn, %d audit, %d are off",
		levels[policy.LevelDeny], levels[policy.LevelWarn], levels[policy.LevelAudit], levels[policy.LevelOff])}
}

// inOneLine is an error without the source lines that compilers quote below it.
func inOneLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.TrimSpace(l) == "" || strings.HasPrefix(l, "\t") })
	return strings.Join(lines, "; ")
}

// rootVariables name files that replace or extend what some client trusts.
var rootVariables = []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE"}

// variables looks at the shell doctor was called from. run sets all of them aright for its child; in a shell that
// already names the proxy they are faults, in any other they are worth knowing.
func (d *doctor) variables(a *ca.Authority) []finding {
	worst, through := noted, d.proxyVariable()
	if through != "" {
		worst = failing
	}
	var found []finding
	add := func(h health, name, detail, fix string) {
		found = append(found, finding{Name: name, Health: h, Detail: detail, Fix: fix})
	}
	hosts, err := graph.NewHosts(d.settings.GraphHosts...)
	if err != nil {
		return nil // said of the CA already
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		for entry := range strings.SplitSeq(d.env.Getenv(name), ",") {
			if entry = strings.TrimSpace(entry); entry != "" && hides(entry, hosts.Names()) {
				add(worst, name, "its entry "+entry+" sends Graph's traffic past the proxy", `use run, which leaves it out, or eval "$(graphwarden env)"`)
			}
		}
	}
	for _, other := range d.otherRoots(a) {
		add(worst, other.names, other.path+" does not hold graphwarden's certificate, and goes over other settings",
			`use run, whose bundle takes its roots over, or eval "$(graphwarden env)"`)
	}
	if d.env.Getenv("NODE_TLS_REJECT_UNAUTHORIZED") == "0" {
		add(noted, "NODE_TLS_REJECT_UNAUTHORIZED", "0 makes Node trust any certificate of any host", "unset it: run makes Node trust graphwarden's CA")
	}
	if own := ownWgetrc(d.env.Environ, ""); own != "" {
		if why, fix := wgetIgnores(look{env: d.env}); why != "" {
			add(noted, "wget", why, fix)
		}
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		if u, err := url.Parse(d.env.Getenv(name)); err == nil && u.Host != "" && u.Host != through {
			found = append(found, finding{Name: name, Health: healthy, Detail: "graphwarden itself leaves through " + u.Redacted()})
			break
		}
	}
	return found
}

// otherRoots are the files with roots that variables name and that lack ours, each with those variables.
func (d *doctor) otherRoots(a *ca.Authority) []struct{ path, names string } {
	var found []struct{ path, names string }
	for _, name := range rootVariables {
		path := d.env.Getenv(name)
		if path == "" || a != nil && holds(path, a.Root()) {
			continue
		}
		i := slices.IndexFunc(found, func(f struct{ path, names string }) bool { return f.path == path })
		if i < 0 {
			found = append(found, struct{ path, names string }{path, name})
			continue
		}
		found[i].names += ", " + name
	}
	return found
}

// proxyVariable is the address of ours that this shell's variables name, empty when they name none.
func (d *doctor) proxyVariable() string {
	own, err := proxyURL(d.settings.Listen)
	if err != nil {
		return ""
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		if strings.TrimRight(d.env.Getenv(name), "/") == own {
			return strings.TrimPrefix(own, "http://")
		}
	}
	return ""
}

// holds tells whether a PEM file has the certificate.
func holds(path string, cert *x509.Certificate) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return false
		}
		if bytes.Equal(block.Bytes, cert.Raw) {
			return true
		}
	}
}
