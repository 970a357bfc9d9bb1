package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"crypto/tls"

	"github.com/graphwarden/graphwarden/internal/bench/lean"
)

// job is what the load generator is told to do.
type job struct {
	Kind    string   `json:"kind"` // requests, connections, crowd
	Proxy   string   `json:"proxy"`
	Origin  string   `json:"origin"` // where to go without a proxy
	HTTP2   bool     `json:"http2"`
	Chunked bool     `json:"chunked"`
	Token   string   `json:"token"`
	Clients int      `json:"clients"`
	IDs     int      `json:"ids"`   // requests are numbered at random below this
	First   int      `json:"first"` // or, with no IDs, one after the other from here
	Hosts   []string `json:"hosts"` // for connections: each once, instead of Graph's for a time
	Warm    int      `json:"warm"`  // milliseconds that are not counted
	Time    int      `json:"time"`  // milliseconds that are
	PID     int      `json:"pid"`   // of the proxy
	Others  []int    `json:"others"`
	Core    int      `json:"core"` // of the proxy alone; -1 if it is not pinned
}

// sample is what came of it.
type sample struct {
	Done      int           `json:"done"`
	Failed    int           `json:"failed"`
	Fault     string        `json:"fault,omitempty"`
	Seconds   float64       `json:"seconds"`
	P50       time.Duration `json:"p50"`
	P99       time.Duration `json:"p99"`
	P999      time.Duration `json:"p999"`
	CPU       float64       `json:"cpu"`       // the proxy's, in seconds
	LoadCPU   float64       `json:"load_cpu"`  // of load generator and origin
	Strangers float64       `json:"strangers"` // the share of the cores that was taken by others
	RSS       float64       `json:"rss"`       // the proxy's, in MiB, at the end
	Peak      float64       `json:"peak"`      // the most it ever was
	Next      int           `json:"next"`      // the number after the last one asked for
}

func (s sample) rate() float64 { return float64(s.Done) / s.Seconds }

// runLoad does one job for each line of JSON on standard input.
func runLoad([]string) error {
	fmt.Println("listening on http://-")
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var j job
		if err := in.Decode(&j); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := out.Encode(j.do()); err != nil {
			return err
		}
	}
}

// crew is the clients of one job.
type crew struct {
	job   job
	phase atomic.Int32 // 0 warming up, 1 counting, 2 done
	next  atomic.Int64
	mu    sync.Mutex
	hist  lean.Histogram
	out   sample
}

func (j job) do() sample {
	c := &crew{job: j}
	c.next.Store(int64(j.First))
	if j.Kind == "crowd" || len(j.Hosts) > 0 {
		return c.once()
	}
	var all sync.WaitGroup
	for range j.Clients {
		all.Go(func() { c.work() })
	}
	time.Sleep(time.Duration(j.Warm) * time.Millisecond)
	before := look(j)
	start := time.Now()
	c.phase.Store(1)
	time.Sleep(time.Duration(j.Time) * time.Millisecond)
	c.phase.Store(2)
	c.out.Seconds = time.Since(start).Seconds()
	after := look(j)
	all.Wait()
	c.settle(before, after)
	return c.out
}

func (c *crew) settle(before, after looked) {
	after.since(before, c.job, &c.out)
	c.out.Done = int(c.hist.Total())
	c.out.P50, c.out.P99, c.out.P999 = c.hist.Quantile(0.5), c.hist.Quantile(0.99), c.hist.Quantile(0.999)
	c.out.Next = int(c.next.Load())
}

// once does a fixed number of things instead of as many as there is time for.
func (c *crew) once() sample {
	hosts := c.job.Hosts
	if c.job.Kind == "crowd" {
		hosts = make([]string, c.job.Clients)
	}
	queue := make(chan string, len(hosts))
	for _, h := range hosts {
		queue <- h
	}
	close(queue)
	before := look(c.job)
	start := time.Now()
	var all sync.WaitGroup
	for range c.job.Clients {
		all.Go(func() {
			var hist lean.Histogram
			defer c.add(&hist)
			for host := range queue {
				at := time.Now()
				if err := c.visit(host); err != nil {
					c.fail(err)
					continue
				}
				hist.Add(time.Since(at))
			}
		})
	}
	all.Wait()
	c.out.Seconds = time.Since(start).Seconds()
	c.settle(before, look(c.job))
	return c.out
}

// visit opens one connection; in a crowd it asks for something too.
func (c *crew) visit(host string) error {
	route := lean.Route{Proxy: c.job.Proxy, Origin: c.job.Origin, Host: host}
	if c.job.Kind != "crowd" {
		return lean.Greet(route)
	}
	client, err := lean.Dial(route)
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Do(lean.NewPatch(c.job.Token, false).Bytes)
}

// work is one client: it asks, waits for the answer and asks again.
func (c *crew) work() {
	var hist lean.Histogram
	defer c.add(&hist)
	ask, done, err := c.client()
	if err != nil {
		c.fail(err)
		return
	}
	defer done()
	for {
		phase := c.phase.Load()
		if phase == 2 {
			return
		}
		start := time.Now()
		err := ask()
		took := time.Since(start)
		if err != nil {
			c.fail(err)
			return
		}
		if phase == 1 && c.phase.Load() == 1 {
			hist.Add(took)
		}
	}
}

// client makes the function that asks once.
func (c *crew) client() (ask func() error, done func(), err error) {
	route := lean.Route{Proxy: c.job.Proxy, Origin: c.job.Origin}
	switch {
	case c.job.Kind == "connections":
		return func() error { return lean.Greet(route) }, func() {}, nil
	case c.job.HTTP2:
		ask, done = c.http2(route)
		return ask, done, nil
	}
	client, err := lean.Dial(route)
	if err != nil {
		return nil, nil, err
	}
	patch := lean.NewPatch(c.job.Token, c.job.Chunked)
	ask = func() error {
		patch.Number(c.number())
		return client.Do(patch.Bytes)
	}
	return ask, func() { _ = client.Close() }, nil
}

// http2 asks over a connection of its own, through net/http: not lean, but the same for every proxy.
func (c *crew) http2(route lean.Route) (ask func() error, done func()) {
	t := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			raw, err := route.Raw()
			if err != nil {
				return nil, err
			}
			_ = raw.SetDeadline(time.Time{})
			conn := tls.Client(raw, route.Config("h2"))
			return conn, conn.HandshakeContext(ctx)
		},
		ForceAttemptHTTP2: true, DisableCompression: true,
	}
	header := http.Header{}
	for pairs := lean.RequestHeader(c.job.Token); len(pairs) > 0; pairs = pairs[2:] {
		header.Set(pairs[0], pairs[1])
	}
	ask = func() error {
		r, err := http.NewRequest(http.MethodPatch, "https://"+lean.Host+lean.Target(c.number(), c.job.Chunked), strings.NewReader(lean.Body))
		if err != nil {
			return err
		}
		r.Header = header
		resp, err := t.RoundTrip(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
			return fmt.Errorf("answered %s over %s", resp.Status, resp.Proto)
		}
		return nil
	}
	return ask, t.CloseIdleConnections
}

func (c *crew) number() int {
	if c.job.IDs > 0 {
		return rand.IntN(c.job.IDs)
	}
	return int(c.next.Add(1) - 1)
}

func (c *crew) add(h *lean.Histogram) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hist.Merge(h)
}

func (c *crew) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Failed++
	if c.out.Fault == "" {
		c.out.Fault = err.Error()
	}
}
