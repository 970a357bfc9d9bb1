package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// process is one child: a proxy, an origin or the load generator.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
	addr  string
	took  time.Duration // from being started to listening
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process; what it had to say no longer matters.
func (p *process) stop() {
	_ = p.stdin.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// house is all that belongs to one phase: the folder, the two origins, the load generator and the proxies that run.
type house struct {
	ctx      context.Context
	dir      string
	self     string // this program
	warden   string // the graphwarden binary
	token    string
	pinned   bool
	origin   *process
	originH2 *process
	load     *process
	running  map[string]*process
	extra    []string // environment for graphwarden alone
	made     int      // how many cassettes were recorded, for their names
}

// open starts origins and load generator.
func (h *house) open() (err error) {
	h.running = map[string]*process{}
	if h.origin, err = h.start(false, h.self, "origin", "-ca", h.file("origin.pem")); err != nil {
		return err
	}
	if h.originH2, err = h.start(false, h.self, "origin", "-h2", "-ca", h.file("origin-h2.pem")); err != nil {
		return err
	}
	h.load, err = h.start(false, h.self, "load")
	return err
}

func (h *house) close() {
	for _, p := range h.running {
		p.stop()
	}
	for _, p := range []*process{h.load, h.origin, h.originH2} {
		if p != nil {
			p.stop()
		}
	}
}

func (h *house) file(name string) string { return filepath.Join(h.dir, name) }

// start runs a child until it says that it listens. Pinned, the proxy has the first core and all others the second.
func (h *house) start(proxy bool, argv ...string) (*process, error) {
	if h.pinned {
		core := "1"
		if proxy {
			core = "0"
		}
		argv = append([]string{"taskset", "-c", core}, argv...)
	}
	cmd := exec.CommandContext(h.ctx, argv[0], argv[1:]...)
	var complaint lastWords
	cmd.Dir, cmd.Stderr = h.dir, &complaint
	// Settings of the person who runs this must not reach what is measured.
	cmd.Env = append(cleanEnvironment(), "HOME="+h.dir, "XDG_CONFIG_HOME="+h.dir)
	if proxy && slices.Contains(argv, h.warden) {
		cmd.Env = append(cmd.Env, h.extra...)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv, err)
	}
	p := &process{cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	line, err := p.out.ReadString('\n')
	p.took = time.Since(begin)
	_, addr, ok := strings.Cut(strings.TrimSpace(line), "listening on http://")
	if err != nil || !ok {
		p.stop()
		return nil, fmt.Errorf("start %s: it does not listen: it said %q and %q", argv, line, complaint.String())
	}
	p.addr = addr
	return p, nil
}

// lastWords keeps the beginning of what a process says on standard error.
type lastWords struct {
	mu sync.Mutex
	b  []byte
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p[:min(len(p), 4096-len(l.b))]...)
	return len(p), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}

func cleanEnvironment() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		upper := strings.ToUpper(name)
		if strings.HasPrefix(upper, "GRAPHWARDEN_") || strings.HasSuffix(upper, "_PROXY") || strings.HasPrefix(upper, "GO") || name == "HOME" {
			continue
		}
		env = append(env, v)
	}
	return env
}

// proxyFor starts a target, or finds it running.
func (h *house) proxyFor(t *target) (*process, error) {
	if p := h.running[t.name]; p != nil {
		return p, nil
	}
	argv, err := t.argv(h)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", t.name, err)
	}
	p, err := h.start(true, argv...)
	if err != nil {
		return nil, err
	}
	h.running[t.name] = p
	return p, nil
}

// end stops a target so that the next use starts it anew.
func (h *house) end(t *target) {
	if p := h.running[t.name]; p != nil {
		p.stop()
		delete(h.running, t.name)
	}
}

// run has the load generator do a job against a proxy; a nil proxy means the origin itself.
func (h *house) run(j job, p *process) (sample, error) {
	j.Token, j.Core = h.token, -1
	j.Others = []int{h.origin.pid(), h.originH2.pid()}
	j.Origin = h.origin.addr
	if j.HTTP2 {
		j.Origin = h.originH2.addr
	}
	if p != nil {
		j.Proxy, j.PID = p.addr, p.pid()
	}
	if h.pinned {
		j.Core = 0
	}
	var s sample
	if err := json.NewEncoder(h.load.stdin).Encode(j); err != nil {
		return s, fmt.Errorf("tell the load generator: %w", err)
	}
	line, err := h.load.out.ReadBytes('\n')
	if err != nil {
		return s, fmt.Errorf("hear from the load generator: %w", err)
	}
	return s, json.Unmarshal(line, &s)
}

// canPin tells whether processes can be kept on cores of their own.
func canPin() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && runtime.NumCPU() >= 2
}
