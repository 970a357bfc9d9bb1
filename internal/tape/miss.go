package tape

import (
	"errors"
	"fmt"
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// ErrMiss says that no recording answers the request.
var ErrMiss = errors.New("no recording answers this request")

// Miss is a request no recording answers, with the recordings that come nearest. It is an ErrMiss.
type Miss struct {
	Method, URL string
	// Cassette is the file that was searched, of Interactions recordings.
	Cassette     string
	Interactions int
	// Used is how many recordings of this very request there are, all of which have been used; 0 if there is none.
	Used int
	// Next is the recording whose turn it was, when the order is strict and this request came before its own.
	Next *Candidate
	// Nearest are the recordings most like the request, the most alike first.
	Nearest []Candidate
}

// Candidate is a recording that does not answer a request, and why.
type Candidate struct {
	ID          string
	Line        int
	Method, URL string
	Diffs       []Diff
}

// Diff is one difference between a request and a recording. Secrets were taken out of both sides.
type Diff struct {
	// Part is method, host, path, query, body, approval or header.
	Part string
	// Pointer is the JSON pointer of the value in the body, or the name of the query option or header.
	Pointer string
	// Recorded and Sent are the two values, as JSON or as text, cut to a readable length; empty where there is none.
	Recorded, Sent string
}

// String is the difference in one line.
func (d Diff) String() string {
	where := d.Part
	if d.Pointer != "" {
		where += " " + d.Pointer
	}
	switch {
	case d.Recorded == "":
		return fmt.Sprintf("%s: sent %s, not recorded", where, d.Sent)
	case d.Sent == "":
		return fmt.Sprintf("%s: recorded %s, not sent", where, d.Recorded)
	}
	return fmt.Sprintf("%s: recorded %s, sent %s", where, d.Recorded, d.Sent)
}

// Is makes a Miss an ErrMiss.
func (m *Miss) Is(target error) bool { return target == ErrMiss }

func (m *Miss) Error() string {
	var b strings.Builder
	if m.Next != nil {
		return fmt.Sprintf("%s %s is out of order: the next in the recording is %s %s (line %d)", m.Method, m.URL, m.Next.Method, m.Next.URL, m.Next.Line)
	}
	if m.Used > 0 {
		fmt.Fprintf(&b, "%s %s was recorded %s and that was used up: record it again, or set --repeat last or cycle", m.Method, m.URL, times(m.Used))
		return b.String()
	}
	fmt.Fprintf(&b, "no recording of %s %s among %d on %s", m.Method, m.URL, m.Interactions, m.Cassette)
	if len(m.Nearest) > 0 {
		c := m.Nearest[0]
		fmt.Fprintf(&b, "; the nearest is %s %s (line %d)", c.Method, c.URL, c.Line)
		for i, d := range c.Diffs {
			if i == 3 {
				fmt.Fprintf(&b, ", and %d more", len(c.Diffs)-i)
				break
			}
			sep := ", "
			if i == 0 {
				sep = ": "
			}
			b.WriteString(sep + d.String())
		}
	}
	return b.String()
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// Refusal is the miss as the proxy answers it: each detail is one difference of the nearest recordings.
func (m *Miss) Refusal() *graph.Refusal {
	r := graph.Refuse(graph.CassetteMiss, "%s", m.Error())
	for _, c := range m.Nearest {
		for _, d := range c.Diffs {
			target := "/request/" + d.Part
			switch d.Part {
			case "body":
				target += d.Pointer
			case "query", "header":
				target += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(d.Pointer)
			}
			r.Details = append(r.Details, graph.Detail{
				Code:    "recording." + d.Part,
				Message: fmt.Sprintf("%s (line %d): %s", name(c), c.Line, d),
				Target:  target,
			})
		}
	}
	return r
}

func name(c Candidate) string {
	if c.ID != "" {
		return c.ID
	}
	return c.Method + " " + c.URL
}

const (
	maxNearest  = 3  // recordings told to the client
	maxCompared = 48 // recordings compared in full
)

// miss explains why nothing answers the request.
func (t *Tape) miss(id *identity, used int) *Miss {
	m := &Miss{Method: id.method, URL: "https://" + id.host + id.target, Cassette: t.options.Cassette,
		Interactions: len(t.index.next), Used: used}
	if used == outOfTurn {
		p := t.cassette.place(t.index.nextInTurn())
		m.Used, m.Next = 0, &Candidate{ID: p.ID, Line: p.Line, Method: p.Method, URL: p.URL}
		return m
	}
	if used > 0 {
		return m
	}
	m.Nearest = t.candidates(id, maxNearest)
	return m
}

// distance weighs the differences: another path is further away than another value in the body.
func distance(c Candidate) int {
	n := 0
	for _, d := range c.Diffs {
		switch d.Part {
		case "method", "host":
			n += 20
		case "path":
			n += 10
		default:
			n++
		}
	}
	return n
}

// nearest are the recordings worth comparing: the same target first, then the same shape of path, then the rest.
func (t *Tape) nearest(id *identity) []int {
	want := nearnessOf(id.method, id.host, id.target)
	var same, alike, rest []int
	for i, n := range t.index.near {
		switch {
		case n.target == want.target:
			if same = append(same, i); len(same) == maxCompared {
				return same
			}
		case n.shape == want.shape:
			if len(alike) < maxCompared {
				alike = append(alike, i)
			}
		case len(rest) < maxCompared:
			rest = append(rest, i)
		}
	}
	out := append(append(same, alike...), rest...)
	return out[:min(len(out), maxCompared)]
}
