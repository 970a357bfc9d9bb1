package tape

import (
	"fmt"
	"strings"
	"time"
)

// Mode says what a tape does with a request.
type Mode string

// The modes.
const (
	Live   Mode = "live"   // pass it to the origin, record nothing
	Record Mode = "record" // pass it to the origin and record, making a new cassette
	Replay Mode = "replay" // answer from the cassette, never from anywhere else
	Auto   Mode = "auto"   // Replay if the cassette exists when the tape is opened, else Record
	New    Mode = "new"    // answer from the cassette, pass on what it lacks and add that to it
	Differ Mode = "diff"   // pass it to the origin and report where its answer departs from the recorded one
)

// ParseMode reads the name of a mode.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Live, Record, Replay, Auto, New, Differ:
		return m, nil
	}
	return "", fmt.Errorf("unknown mode %q: use live, record, replay, auto, new or diff", s)
}

// Repeat says what answers a request once every equal recording was used.
type Repeat string

// The ways to go on when a sequence of equal recordings has ended.
const (
	RepeatError Repeat = "error" // nothing: it is a miss
	RepeatLast  Repeat = "last"  // the last one, again and again
	RepeatCycle Repeat = "cycle" // the first one, and so on
)

// ParseRepeat reads the name of a way to repeat; empty means RepeatError.
func ParseRepeat(s string) (Repeat, error) {
	switch r := Repeat(s); r {
	case "":
		return RepeatError, nil
	case RepeatError, RepeatLast, RepeatCycle:
		return r, nil
	}
	return "", fmt.Errorf("unknown repeat %q: use error, last or cycle", s)
}

// Order says whether requests must come in the order in which they were recorded.
type Order string

// The orders.
const (
	OrderAny    Order = "any"    // only equal requests are answered in recorded order
	OrderStrict Order = "strict" // what comes before its turn is a miss
)

// ParseOrder reads the name of an order; empty means OrderAny.
func ParseOrder(s string) (Order, error) {
	switch o := Order(s); o {
	case "":
		return OrderAny, nil
	case OrderAny, OrderStrict:
		return o, nil
	}
	return "", fmt.Errorf("unknown order %q: use any or strict", s)
}

// Sync says when a recording is forced to the disk. Every interaction is handed to the system before its answer goes
// out, so a crash of this process loses nothing either way; this is about a crash of the machine.
type Sync string

// When to sync.
const (
	SyncInterval Sync = "interval" // once a second, and at Close
	SyncAlways   Sync = "always"   // after each interaction, before its answer
)

// ParseSync reads the name of a way to sync; empty means SyncInterval.
func ParseSync(s string) (Sync, error) {
	switch y := Sync(s); y {
	case "":
		return SyncInterval, nil
	case SyncInterval, SyncAlways:
		return y, nil
	}
	return "", fmt.Errorf("unknown sync %q: use interval or always", s)
}

// Latency is how long a replayed answer is held back. The zero value holds nothing back.
type Latency struct {
	// Recorded waits as long as the origin took.
	Recorded bool
	// Fixed waits as long as this instead.
	Fixed time.Duration
}

// ParseLatency reads off, recorded or a duration; empty means off.
func ParseLatency(s string) (Latency, error) {
	switch s {
	case "", "off":
		return Latency{}, nil
	case "recorded":
		return Latency{Recorded: true}, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return Latency{}, fmt.Errorf("unknown latency %q: use off, recorded or a duration such as 200ms", s)
	}
	return Latency{Fixed: d}, nil
}

// Match says which parts of a request make its identity. The zero value is the default: method, host, path, query,
// body, whether the approval headers are there, and If-Match and If-None-Match (etag).
type Match struct {
	NoMethod, NoHost, NoQuery, NoBody, NoApproval, NoETag bool
	// Headers are further header fields whose values count.
	Headers []string
	// Ignore are JSON pointers into the body whose values do not count; * stands for any key or index.
	Ignore []string
}

// ParseMatch reads changes to the default: "-host,-query,+header:Prefer".
func ParseMatch(s string) (Match, error) {
	var m Match
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		on := !strings.HasPrefix(part, "-")
		name := strings.TrimLeft(part, "+-")
		if header, ok := strings.CutPrefix(name, "header:"); ok && on && header != "" {
			m.Headers = append(m.Headers, header)
			continue
		}
		switch name {
		case "":
		case "method":
			m.NoMethod = !on
		case "host":
			m.NoHost = !on
		case "query":
			m.NoQuery = !on
		case "body":
			m.NoBody = !on
		case "approval":
			m.NoApproval = !on
		case "etag":
			m.NoETag = !on
		default:
			return Match{}, fmt.Errorf("unknown part %q to match: use method, host, query, body, approval, etag or header:NAME, each with + or -", part)
		}
	}
	return m, nil
}
