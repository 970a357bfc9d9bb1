package tape_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// scaleEnv names the cassette to measure in a process of its own, so that its peak of memory is that of the tape alone.
const scaleEnv = "TAPE_TEST_MEASURE"

// TestScale measures loading and looking up at 1,000 to 1,000,000 interactions of about 1,400 bytes. It takes minutes, and
// says little on a machine that does something else, so it must be asked for: TAPE_TEST_SCALE=1.
func TestScale(t *testing.T) {
	if os.Getenv("TAPE_TEST_SCALE") == "" {
		t.Skip("set TAPE_TEST_SCALE=1 to measure")
	}
	var p99 [2]time.Duration
	for _, n := range []int{1000, 10000, 100000, 1000000} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		size := writeScale(t, path, n)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), scaleEnv+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		var load, cpu float64
		var peak, half, high int64
		if _, err := fmt.Sscanf(string(out), "%g %g %d %d %d", &load, &cpu, &peak, &half, &high); err != nil {
			t.Fatalf("%v: %q", err, out)
		}
		t.Logf("%7d interactions, %4d MB: loaded in %.2f s (%.2f s of CPU), peak RSS %d MB (%.2f of the file), lookup p50 %v, p99 %v",
			n, size>>20, load, cpu, peak>>20, float64(peak)/float64(size), time.Duration(half), time.Duration(high))
		switch n {
		case 1000:
			p99[0] = time.Duration(high)
		case 100000:
			if cpu > 2 { // of two cores for a second
				t.Errorf("100,000 took %.2f s of CPU", cpu)
			}
		case 1000000:
			p99[1] = time.Duration(high)
			if min(load, cpu) > 10 || peak > 2500<<20 { // seconds of CPU tell on a busy machine
				t.Errorf("1,000,000 took %.1f s and %d MB", load, peak>>20)
			}
		}
		os.Remove(path)
	}
	if p99[1] > 2*p99[0] {
		t.Errorf("p99 grew from %v to %v", p99[0], p99[1])
	}
}

func scaleRequest(i int) (url, body string) {
	return fmt.Sprintf("https://graph.microsoft.com/beta/deviceManagement/deviceConfigurations/%08x-0000-4000-8000-000000000000/assignments/%08x", i, i),
		fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"%08x-1111-4222-8333-444444444444"}}`, i)
}

func writeScale(t *testing.T, path string, n int) int64 {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	io.WriteString(w, "---\nversion: 1\ninteractions:\n")
	token, note := strings.Repeat("eyJ0eXAiOiJKV1QifQ", 12), strings.Repeat("x", 120)
	for i := range n {
		url, body := scaleRequest(i)
		fmt.Fprintf(w, `    - id: "%016x"
      sequence: %d
      recorded_at: "2026-11-23T10:00:00Z"
      verdict: allow
      request:
        body: '%s'
        form: {}
        headers:
            Accept:
                - application/json
            Authorization:
                - Bearer %s
            Content-Type:
                - application/json
        url: %s
        method: PATCH
      response:
        body: '%s,"id":"%d","note":"%s"}'
        headers:
            Content-Type:
                - application/json;odata.metadata=minimal
            Date:
                - Mon, 23 Nov 2026 10:00:00 GMT
            Request-Id:
                - 5d6f0d5c-0000-4000-8000-000000000000
        status: 200 OK
        code: 200
        duration: 31ms
`, i, i+1, body, token, url, body[:len(body)-1], i, note)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// measureScale prints seconds to load, seconds of CPU, the peak of memory, and the median and 99th percentile of a lookup
// in nanoseconds.
func measureScale(path string) {
	start := time.Now()
	tp, err := tape.Open(tape.Options{Mode: tape.Replay, Cassette: path})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	load, cpu, peak := time.Since(start), cpuSeconds(), peakRSS()
	n := tp.Stats().Interactions
	asked := make([]*graph.Request, 20000)
	for k := range asked {
		url, body := scaleRequest(rand.IntN(n))
		req, _ := http.NewRequestWithContext(context.Background(), "PATCH", url, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		if asked[k], err = graph.Read(req, graph.Connection{}, graph.ReadOptions{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	took := make([]time.Duration, len(asked))
	for round := range 5 { // the best of five, since what else the machine does is not the index's
		for k, q := range asked {
			start := time.Now()
			_, ok := tp.Peek(q)
			if d := time.Since(start); round == 0 || d < took[k] {
				took[k] = d
			}
			if !ok {
				fmt.Fprintln(os.Stderr, "not found:", q.Path)
				os.Exit(1)
			}
		}
	}
	slices.Sort(took)
	fmt.Printf("%g %g %d %d %d\n", load.Seconds(), cpu, peak, took[len(took)/2], took[len(took)*99/100])
}

// peakRSS and cpuSeconds are 0 where there is no /proc.
func peakRSS() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kb, _ := strconv.ParseInt(fields[0], 10, 64)
	return kb << 10
}

func cpuSeconds() float64 {
	stat, _ := os.ReadFile("/proc/self/stat")
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}
