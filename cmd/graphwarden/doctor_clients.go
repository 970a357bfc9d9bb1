package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/graphwarden/graphwarden/internal/ca"
	"github.com/graphwarden/graphwarden/internal/standin"
	"github.com/graphwarden/graphwarden/proxy"
)

// probeTime is how long one client may take; a JVM that compiles on a busy machine needs some of it.
const probeTime = 30 * time.Second

// tryClients has each client that is installed fetch a page of its own from a Graph on loopback, and watches which arrive.
func (d *doctor) tryClients(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "graphwarden-doctor-")
	if err != nil {
		return fmt.Errorf("make a folder for the clients: %w", err)
	}
	defer os.RemoveAll(dir)
	p := &probing{seen: map[string]bool{}, dir: dir}
	if err := p.start(ctx, d); err != nil {
		return fmt.Errorf("start a proxy for the clients: %w", err)
	}
	defer p.stop()
	list := slices.DeleteFunc(clients(), func(c client) bool { return c.probe == nil })
	findings := make([]chan finding, len(list))
	tokens := make(chan struct{}, max(2, runtime.NumCPU())) // clients are heavy
	for i, c := range list {
		findings[i] = make(chan finding, 1)
		go func() {
			tokens <- struct{}{}
			defer func() { <-tokens }()
			findings[i] <- p.try(ctx, d.env, c, i)
		}()
	}
	for i := range findings {
		d.add(<-findings[i])
	}
	return nil
}

// probing is a proxy before a Graph on loopback that remembers which paths were asked for.
type probing struct {
	dir     string
	environ []string

	standin *standin.Server
	warden  *proxy.Warden

	mu   sync.Mutex
	seen map[string]bool
}

func (p *probing) start(ctx context.Context, d *doctor) (err error) {
	defer func() {
		if err != nil {
			p.stop()
		}
	}()
	if p.standin, err = standin.Start(standin.Options{}); err != nil {
		return err
	}
	// The CA in use is the one to test; where there is none yet, or it is at fault, one for this time only.
	caDir := d.settings.CADir
	if _, loadErr := ca.Load(caDir); loadErr != nil {
		caDir = filepath.Join(p.dir, "ca")
	}
	p.warden, err = proxy.Open(ctx, proxy.Settings{
		Enforce: proxy.EnforceOff, CADir: caDir, Origin: p.standin.URL(), OriginCAPEM: p.standin.CAPEM(), UpstreamProxy: "none", DenyOther: true,
		Observe: func(e proxy.Exchange) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.seen[e.Path] = true
		},
	})
	if err != nil {
		return err
	}
	authority, err := p.warden.CA()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = p.warden.Serve(l) }()
	p.environ, err = childEnvironment(d.env.Environ, "http://"+l.Addr().String(), authority)
	return err
}

func (p *probing) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if p.warden != nil {
		_ = p.warden.Shutdown(ctx)
	}
	if p.standin != nil {
		_ = p.standin.Close()
	}
}

// try runs one client. One that is known to take no notice of the proxy is not run: its request would go to Graph.
func (p *probing) try(ctx context.Context, env *Env, c client, n int) finding {
	f := finding{Name: c.title(), Health: untried}
	path, err := exec.LookPath(c.probe.program)
	if err != nil {
		f.Detail = c.probe.program + " is not installed"
		return f
	}
	if c.ignores != nil && c.name != "wget" { // wget's is about its own settings, which the request shows
		l := look{env: env, path: path, goos: runtime.GOOS, version: func() string { return versionOf(env, path) }}
		if why, fix := c.ignores(l); why != "" {
			return finding{Name: c.title(), Health: noted, Detail: why, Fix: fix}
		}
	}
	args := slices.Clone(c.probe.args)
	if c.probe.file != "" {
		file := filepath.Join(p.dir, c.probe.file)
		if err := os.WriteFile(file, []byte(c.probe.text), 0o600); err != nil {
			return finding{Name: c.title(), Health: failing, Detail: err.Error()}
		}
		args[slices.Index(args, c.probe.file)] = file
	}
	page := fmt.Sprintf("/v1.0/users/doctor-%d", n)
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append(args, "https://graph.microsoft.com"+page)...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = p.environ, p.dir, time.Second
	out, _ := cmd.CombinedOutput()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen[page] {
		f.Health, f.Detail = healthy, path+" comes through the proxy and trusts the certificate"
		return f
	}
	for _, part := range c.probe.needs {
		if bytes.Contains(out, []byte(part)) {
			f.Detail = part
			return f
		}
	}
	return finding{Name: c.title(), Health: failing, Detail: path + " does not come through the proxy: " + lastLine(out),
		Fix: "see what it needs in the table of docs/clients.md; \"graphwarden ca path\" prints the file to trust"}
}

// lastLine is the last line of a program's output that says something.
func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	line := strings.TrimSpace(lines[len(lines)-1])
	if line == "" {
		return "it printed nothing"
	}
	return line[:min(len(line), 300)]
}
