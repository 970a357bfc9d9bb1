package tape_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	vcr2 "github.com/dnaeon/go-vcr/v2/cassette"
	vcr4 "gopkg.in/dnaeon/go-vcr.v4/pkg/cassette"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// peersEnv holds what a process of its own is to measure: the tool and the cassette.
const peersEnv = "TAPE_TEST_PEER"

// peers are the tools, each with the most interactions that it is measured with: beyond that it takes too long.
var peers = []struct {
	name string
	most int
}{{"graphwarden", 1_000_000}, {"go-vcr v2", 100_000}, {"go-vcr v4", 100_000}}

// TestPeers measures loading and looking up beside go-vcr v2 and v4, each in a process of its own, on the same interactions.
// It takes minutes and must be asked for: TAPE_TEST_PEERS=1, or 1000000 for the largest.
func TestPeers(t *testing.T) {
	largest, err := strconv.Atoi(os.Getenv("TAPE_TEST_PEERS"))
	if err != nil {
		t.Skip("set TAPE_TEST_PEERS=1 to measure")
	}
	largest = max(largest, 100_000)
	fmt.Printf("%-12s %12s %8s %9s %10s %12s %12s\n", "tool", "interactions", "file", "load", "peak RSS", "lookup p50", "lookup p99")
	for _, n := range []int{1000, 10_000, 100_000, 1_000_000} {
		if n > largest {
			break
		}
		dir := t.TempDir()
		one := filepath.Join(dir, "one.yaml")
		size := writeScale(t, one, n)
		two := filepath.Join(dir, "two.yaml")
		if n <= 100_000 {
			writeFormatTwo(t, one, two)
		}
		for _, p := range peers {
			if n > p.most {
				continue
			}
			path := one
			if p.name == "go-vcr v4" {
				path = two
			}
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), peersEnv+"="+p.name+"|"+path+"|"+strconv.Itoa(n))
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s at %d: %v", p.name, n, err)
			}
			var load float64
			var peak, half, high int64
			if _, err := fmt.Sscanf(string(out), "%g %d %d %d", &load, &peak, &half, &high); err != nil {
				t.Fatalf("%v: %q", err, out)
			}
			fmt.Printf("%-12s %12d %5d MB %8.2fs %7d MB %12v %12v\n", p.name, n, size>>20, load, peak>>20, time.Duration(half), time.Duration(high))
		}
		_ = os.RemoveAll(dir)
	}
}

// writeFormatTwo converts by hand: go-vcr v4 itself would take minutes.
func writeFormatTwo(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(out, 1<<20)
	n := 0
	for scanner := bufio.NewScanner(in); scanner.Scan(); {
		line := scanner.Text()
		switch {
		case line == "version: 1":
			line = "version: 2"
		case strings.HasPrefix(line, "    - id:"):
			line = fmt.Sprintf("    - id: %d", n)
			n++
		case strings.HasPrefix(line, "      sequence:"), strings.HasPrefix(line, "      recorded_at:"), strings.HasPrefix(line, "      verdict:"), line == "        form: {}":
			continue
		case line == "      request:":
			line += "\n        proto: HTTP/1.1\n        proto_major: 1\n        proto_minor: 1\n        content_length: 117\n        host: graph.microsoft.com"
		}
		_, _ = io.WriteString(w, line+"\n")
	}
	if err := errors.Join(w.Flush(), out.Close()); err != nil {
		t.Fatal(err)
	}
}

// measurePeer prints seconds to load, the peak of memory, and the median and 99th percentile of a lookup in nanoseconds.
func measurePeer(what string) {
	parts := strings.SplitN(what, "|", 3)
	n, _ := strconv.Atoi(parts[2])
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, parts[0], err)
		os.Exit(1)
	}
	// Lookups that scan are spread over the file, and few enough to end.
	count := 2000
	if parts[0] != "graphwarden" {
		count = max(20, min(2000, 2_000_000/n))
	}
	count = min(count, n)
	var lookup func(i int) error
	start := time.Now()
	switch base := strings.TrimSuffix(parts[1], ".yaml"); parts[0] {
	case "graphwarden":
		tp, err := tape.Open(tape.Options{Mode: tape.Replay, Cassette: parts[1]})
		if err != nil {
			fail(err)
		}
		lookup = func(i int) error {
			q, err := graph.Read(peerRequest(i), graph.Connection{}, graph.ReadOptions{})
			if err != nil {
				return err
			}
			resp, err := tp.RoundTrip(peerRequest(i).WithContext(graph.NewContext(context.Background(), q)))
			if err == nil {
				_ = resp.Body.Close()
			}
			return err
		}
	case "go-vcr v2":
		c, err := vcr2.Load(base)
		if err != nil {
			fail(err)
		}
		c.ReplayableInteractions = true
		lookup = func(i int) error { _, err := c.GetInteraction(peerRequest(i)); return err }
	default:
		c, err := vcr4.Load(base)
		if err != nil {
			fail(err)
		}
		c.ReplayableInteractions = true
		// What an unsigned token and a form are does not count here: the time is that of its scan.
		c.Matcher = func(r *http.Request, i vcr4.Request) bool { return r.Method == i.Method && r.URL.String() == i.URL }
		lookup = func(i int) error { _, err := c.GetInteraction(peerRequest(i)); return err }
	}
	load, peak := time.Since(start), peakRSS()
	took := make([]time.Duration, count)
	for k := range took {
		i := (k*7919 + n/2) % n // spread evenly
		start := time.Now()
		if err := lookup(i); err != nil {
			fail(err)
		}
		took[k] = time.Since(start)
	}
	slices.Sort(took)
	fmt.Printf("%g %d %d %d\n", load.Seconds(), peak, took[len(took)/2], took[len(took)*99/100])
}

func peerRequest(i int) *http.Request {
	url, body := scaleRequest(i)
	req, _ := http.NewRequestWithContext(context.Background(), "PATCH", url, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	return req
}
