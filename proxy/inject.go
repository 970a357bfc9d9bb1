package proxy

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// faults are the failures a test asks for: some requests are answered with a status, cut off or held back, before they
// reach the cassette or Graph. Which ones depends on the seed, on the request and on how often it came before, never on a
// clock or on the order in which different requests arrive (but for every=N, which counts them all).
type faults struct {
	rules []*faultRule
	seed  uint64
	// seen counts the requests by their hash.
	seen     [1 << 14]atomic.Uint32
	injected atomic.Int64
}

// faultRule is one part of a specification.
type faultRule struct {
	text string
	// status is what is answered; 0 with reset or with delay alone.
	status     int
	reset      bool
	delay      time.Duration
	retryAfter string
	// Of every, first and rate one is set at most; none means each request.
	every, first int
	rate         float64

	count atomic.Int64
}

// parseFaults reads rules parted by semicolons: 429:every=3,retry-after=1; 503:rate=0.1; reset:rate=0.05; slow:delay=200ms;
// 429:first=2 for the first two of each equal request.
func parseFaults(spec string, seed uint64) (*faults, error) {
	f := &faults{seed: seed}
	for part := range strings.SplitSeq(spec, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		rule, err := parseFault(part)
		if err != nil {
			return nil, fmt.Errorf("faults %q: %w", part, err)
		}
		f.rules = append(f.rules, rule)
	}
	if len(f.rules) == 0 {
		return nil, nil
	}
	return f, nil
}

func parseFault(part string) (*faultRule, error) {
	kind, options, _ := strings.Cut(part, ":")
	r := &faultRule{text: part}
	switch kind {
	case "reset":
		r.reset = true
	case "slow":
	default:
		n, err := strconv.Atoi(kind)
		if err != nil || n < 400 || n > 599 {
			return nil, errors.New("it begins with a status from 400 to 599, reset or slow")
		}
		r.status = n
	}
	if options != "" {
		for option := range strings.SplitSeq(options, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(option), "=")
			if err := r.set(name, value); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case r.choices() > 1:
		return nil, errors.New("every, first and rate exclude each other")
	case kind == "slow" && r.delay == 0:
		return nil, errors.New("slow needs a delay, such as delay=200ms")
	}
	return r, nil
}

func (r *faultRule) choices() int {
	n := 0
	for _, set := range []bool{r.every > 0, r.first > 0, r.rate > 0} {
		if set {
			n++
		}
	}
	return n
}

func (r *faultRule) set(name, value string) (err error) {
	number := func(to *int) error {
		if *to, err = strconv.Atoi(value); err != nil || *to < 1 {
			return fmt.Errorf("%s=%s is not a number from 1", name, value)
		}
		return nil
	}
	switch name {
	case "every":
		return number(&r.every)
	case "first":
		return number(&r.first)
	case "rate":
		if r.rate, err = strconv.ParseFloat(value, 64); err != nil || !(r.rate > 0 && r.rate <= 1) {
			return fmt.Errorf("rate=%s is not a share above 0 and up to 1", value)
		}
		return nil
	case "delay":
		if r.delay, err = time.ParseDuration(value); err != nil || r.delay <= 0 || r.delay > time.Minute {
			return fmt.Errorf("delay=%s is not a duration up to a minute, such as 200ms", value)
		}
		return nil
	case "retry-after":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || r.status == 0 {
			return fmt.Errorf("retry-after=%s is not a number of seconds for a status", value)
		}
		r.retryAfter = value
		return nil
	}
	return fmt.Errorf("%q is not every, first, rate, delay or retry-after", name)
}

// next is what befalls a request: how long it is held back, and the rule that ends it, nil if none does.
func (f *faults) next(g *graph.Request) (time.Duration, *faultRule) {
	if f == nil {
		return 0, nil
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(g.Method + " " + g.Host + g.Path.Target() + "\n"))
	_, _ = h.Write(g.Body)
	request := h.Sum64()
	nth := uint64(f.seen[request%uint64(len(f.seen))].Add(1))
	var delay time.Duration
	for i, r := range f.rules {
		if !r.hits(f.seed, uint64(i), request, nth) {
			continue
		}
		f.injected.Add(1)
		delay += r.delay
		if r.status != 0 || r.reset {
			return delay, r
		}
	}
	return delay, nil
}

func (r *faultRule) hits(seed, rule, request, nth uint64) bool {
	switch {
	case r.every > 0:
		return r.count.Add(1)%int64(r.every) == 0
	case r.first > 0:
		return nth <= uint64(r.first)
	case r.rate > 0:
		return float64(scatter(seed, rule, request, nth)>>11)/(1<<53) < r.rate
	}
	return true
}

// scatter makes one even number of several (the finaliser of SplitMix64).
func scatter(parts ...uint64) uint64 {
	var x uint64
	for _, p := range parts {
		x += p + 0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		x ^= x >> 31
	}
	return x
}

// errReset ends an exchange without an answer.
var errReset = errors.New("the connection was reset: a fault that was asked for")

// faultCodes are Graph's words for the statuses it fails with.
var faultCodes = map[int]graph.RefusalCode{
	http.StatusTooManyRequests: "TooManyRequests", http.StatusServiceUnavailable: "serviceNotAvailable",
	http.StatusGatewayTimeout: "gatewayTimeout", http.StatusInternalServerError: "generalException",
}

// inject lets befall a request what was asked for. With a response or an error it goes no further.
func (w *Warden) inject(ctx context.Context, r *http.Request, g *graph.Request, e *Exchange) (*http.Response, error) {
	delay, rule := w.faults.next(g)
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if rule == nil {
		return nil, nil
	}
	e.Message = "a fault that was asked for: " + rule.text
	if rule.reset {
		w.finish(e, FromProxy, 0)
		w.keep(e, "refused")
		return nil, errReset
	}
	code, ok := faultCodes[rule.status]
	if !ok {
		code = "InjectedFault"
	}
	refusal := graph.Refuse(code, "%s", e.Message)
	resp := refusal.Response(r, graph.Meta{ID: e.ID, ClientRequestID: g.Header.Get("Client-Request-Id"), Origin: g.Header.Get("Origin"), Time: e.Time})
	resp.StatusCode, resp.Status = rule.status, strconv.Itoa(rule.status)+" "+http.StatusText(rule.status)
	resp.Header.Set("X-Graphwarden-Fault", rule.text)
	if rule.retryAfter != "" {
		resp.Header.Set("Retry-After", rule.retryAfter)
	}
	w.finish(e, FromProxy, resp.StatusCode)
	w.watch(e, resp)
	w.keep(e, "refused")
	return resp, nil
}
