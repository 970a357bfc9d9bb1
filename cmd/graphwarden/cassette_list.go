package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/graphwarden/graphwarden/internal/tape"
)

const cassetteListUsage = `Usage: graphwarden cassette list [--output text|json] FILE...

Prints for each cassette how many interactions it holds, its size, when it was recorded, and whether it is whole.

Examples:
  graphwarden cassette list cassettes/
  graphwarden cassette list --output json 'cassettes/*.yaml'
`

const cassetteStatsUsage = `Usage: graphwarden cassette stats [--output text|json] FILE...

Counts the interactions of each cassette by method, status, area of Graph and verdict, the bytes of their bodies, the
requests that were recorded more than once, and how long the origin took.

Examples:
  graphwarden cassette stats cassettes/rollout.yaml
  graphwarden cassette stats --output json cassettes/
`

type cassetteListFlags struct{ output string }

func (f *cassetteListFlags) register(fs *flag.FlagSet) { resultFlag(fs, &f.output) }

// cassetteRow is a cassette in one line.
type cassetteRow struct {
	File         string   `json:"file"`
	Format       int      `json:"format"`
	Interactions int      `json:"interactions"`
	Bytes        int      `json:"bytes"`
	RecordedAt   string   `json:"recorded_at,omitempty"`
	Variables    int      `json:"variables"`
	Notices      []string `json:"notices"`
}

func runCassetteList(ctx context.Context, env *Env, args []string) error {
	var f cassetteListFlags
	_, rest, err := env.parse("cassette list", args, f.register)
	if err != nil {
		return err
	}
	files, err := cassetteFiles(env, "cassette list", rest)
	if err != nil {
		return err
	}
	rows := []cassetteRow{}
	err = eachCassette(ctx, env, files, func(c *tape.Cassette) error {
		row := cassetteRow{File: c.Path, Format: c.Format, Interactions: c.Len(), Bytes: len(c.Bytes()),
			Variables: len(c.Variables()), Notices: append([]string{}, c.Notices...)}
		if at := c.RecordedAt(); !at.IsZero() {
			row.RecordedAt = at.UTC().Format(time.RFC3339)
		}
		rows = append(rows, row)
		return nil
	})
	if f.output == "json" {
		if printErr := printJSON(env.Stdout, map[string]any{"schema": "graphwarden.cassettes/v1", "cassettes": rows}); printErr != nil {
			return printErr
		}
		return err
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	for _, r := range rows {
		state := "whole"
		if len(r.Notices) > 0 {
			state = r.Notices[0]
		}
		fmt.Fprintf(w, "%s\t%d interactions\t%s\t%s\t%s\n", printable(r.File), r.Interactions, bytesText(r.Bytes), cmp.Or(r.RecordedAt, "-"), state)
	}
	return cmp.Or(w.Flush(), err)
}

// bytesText is a size as a person reads it.
func bytesText(n int) string {
	switch {
	case n >= 1<<20:
		return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MiB"
	case n >= 1<<10:
		return strconv.FormatFloat(float64(n)/(1<<10), 'f', 1, 64) + " KiB"
	}
	return strconv.Itoa(n) + " B"
}

// cassetteCounts are the numbers of stats.
type cassetteCounts struct {
	File          string         `json:"file"`
	Interactions  int            `json:"interactions"`
	Methods       map[string]int `json:"methods"`
	Statuses      map[string]int `json:"statuses"`
	Areas         map[string]int `json:"areas"`
	Verdicts      map[string]int `json:"verdicts"`
	Repeated      int            `json:"repeated"`
	RequestBytes  int            `json:"request_bytes"`
	ResponseBytes int            `json:"response_bytes"`
	MedianMS      float64        `json:"median_ms"`
	SlowestMS     float64        `json:"slowest_ms"`
}

func runCassetteStats(ctx context.Context, env *Env, args []string) error {
	var f cassetteListFlags
	_, rest, err := env.parse("cassette stats", args, f.register)
	if err != nil {
		return err
	}
	files, err := cassetteFiles(env, "cassette stats", rest)
	if err != nil {
		return err
	}
	all := []cassetteCounts{}
	err = eachCassette(ctx, env, files, func(c *tape.Cassette) error {
		all = append(all, countCassette(c))
		return nil
	})
	if f.output == "json" {
		return cmp.Or(printJSON(env.Stdout, map[string]any{"schema": "graphwarden.cassette-stats/v1", "cassettes": all}), err)
	}
	for _, n := range all {
		fmt.Fprintf(env.Stdout, "%s\n", printable(n.File))
		w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
		fmt.Fprintf(w, "  interactions\t%d, %d of them repetitions\n", n.Interactions, n.Repeated)
		for _, row := range []struct {
			name   string
			counts map[string]int
		}{{"methods", n.Methods}, {"statuses", n.Statuses}, {"areas", n.Areas}, {"verdicts", n.Verdicts}} {
			if len(row.counts) > 0 {
				fmt.Fprintf(w, "  %s\t%s\n", row.name, countsText(row.counts))
			}
		}
		fmt.Fprintf(w, "  bodies\t%s sent, %s received\n", bytesText(n.RequestBytes), bytesText(n.ResponseBytes))
		fmt.Fprintf(w, "  origin took\t%.1f ms in the middle, %.1f ms at most\n", n.MedianMS, n.SlowestMS)
		if flushErr := w.Flush(); flushErr != nil {
			return flushErr
		}
	}
	return err
}

func countCassette(c *tape.Cassette) cassetteCounts {
	n := cassetteCounts{File: c.Path, Methods: map[string]int{}, Statuses: map[string]int{}, Areas: map[string]int{}, Verdicts: map[string]int{}}
	var took []time.Duration
	for _, x := range c.Interactions() {
		if x == nil {
			continue
		}
		n.Interactions++
		n.Methods[x.Request.Method]++
		n.Statuses[strconv.Itoa(x.Response.Code)]++
		n.Areas[areaOf(x.Request.URL)]++
		if x.Verdict != "" {
			n.Verdicts[x.Verdict]++
		}
		if strings.Contains(x.ID, "-") {
			n.Repeated++
		}
		n.RequestBytes += len(x.Request.Body)
		n.ResponseBytes += len(x.Response.Body)
		took = append(took, x.Response.Duration)
	}
	if len(took) > 0 {
		slices.Sort(took)
		n.MedianMS = float64(took[len(took)/2].Microseconds()) / 1000
		n.SlowestMS = float64(took[len(took)-1].Microseconds()) / 1000
	}
	return n
}

// areaOf is the first part of a path behind the version: deviceManagement, groups, $batch.
func areaOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "?"
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) > 1 {
		return parts[1]
	}
	return "/" + parts[0]
}

func countsText(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = fmt.Sprintf("%s %d", printable(name), counts[name])
	}
	return strings.Join(list, ", ")
}
