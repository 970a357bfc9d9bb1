package console

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// maxSessions is how many sessions are told apart; the rest are counted together under moreSessions.
const (
	maxSessions  = 256
	moreSessions = "(more)"
)

// exchanges keeps the last exchanges in a ring, wakes who follows them, and counts them by session and rule. A follower
// has a position in the ring rather than a queue of its own, so a slow one costs nothing and learns what it missed.
type exchanges struct {
	mu        sync.Mutex
	ring      []kept
	next      uint64 // the number of the next exchange
	bySeq     map[string]uint64
	room      int    // bytes of details left
	oldest    uint64 // the oldest exchange that may have details
	sessions  map[string]*Client
	hits      map[string]int
	followers map[chan struct{}]struct{}
}

// kept is an exchange with its line as JSON, written once for all followers.
type kept struct {
	Exchange
	line   []byte
	detail *Detail
	size   int
}

func newExchanges(n, bytes int) *exchanges {
	return &exchanges{ring: make([]kept, n), next: 1, oldest: 1, room: bytes, bySeq: map[string]uint64{},
		sessions: map[string]*Client{}, hits: map[string]int{}, followers: map[chan struct{}]struct{}{}}
}

func (x *exchanges) at(seq uint64) *kept { return &x.ring[seq%uint64(len(x.ring))] }

// first is the number of the oldest exchange that is kept.
func (x *exchanges) first() uint64 {
	if n := uint64(len(x.ring)); x.next > n {
		return x.next - n
	}
	return 1
}

// add keeps an exchange in the place of the oldest.
func (x *exchanges) add(e Exchange) {
	e.Targets, e.Violations = orEmpty(e.Targets), orEmpty(e.Violations)
	x.mu.Lock()
	defer x.mu.Unlock()
	slot := x.at(x.next)
	if slot.ID != "" && x.bySeq[slot.ID] == slot.Seq {
		delete(x.bySeq, slot.ID)
	}
	x.forget(slot)
	e.Seq = x.next
	line, err := json.Marshal(e)
	if err != nil { // an Exchange has only plain values
		line = []byte("{}")
	}
	*slot = kept{Exchange: e, line: line}
	x.bySeq[e.ID] = e.Seq
	x.next++
	x.session(e.Session).add(&e)
	for i := range e.Violations {
		// Rule ids come from the policies, which are bounded; this bounds them even so.
		if id := e.Violations[i].ID; x.hits[id] > 0 || len(x.hits) < 4096 {
			x.hits[id]++
		}
	}
	for wake := range x.followers {
		select {
		case wake <- struct{}{}:
		default: // it has been woken and not looked yet
		}
	}
}

func (x *exchanges) session(name string) *Client {
	s, ok := x.sessions[name]
	if ok {
		return s
	}
	if len(x.sessions) >= maxSessions {
		name = moreSessions
		if s, ok := x.sessions[name]; ok {
			return s
		}
	}
	s = &Client{Name: name}
	x.sessions[name] = s
	return s
}

// attach adds details, and lets go of the oldest ones where there is no room.
func (x *exchanges) attach(id string, d Detail) {
	d.fill()
	x.mu.Lock()
	defer x.mu.Unlock()
	seq, ok := x.bySeq[id]
	if !ok {
		return
	}
	slot := x.at(seq)
	x.forget(slot)
	slot.detail, slot.size = &d, d.size()
	x.room -= slot.size
	x.oldest = max(x.oldest, x.first())
	for ; x.room < 0 && x.oldest < x.next; x.oldest++ {
		x.forget(x.at(x.oldest))
	}
}

func (x *exchanges) forget(slot *kept) {
	x.room += slot.size
	slot.detail, slot.size = nil, 0
}

// find returns an exchange, and its details if they are at hand.
func (x *exchanges) find(id string) (Exchange, *Detail, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	seq, ok := x.bySeq[id]
	if !ok {
		return Exchange{}, nil, false
	}
	slot := x.at(seq)
	return slot.Exchange, slot.detail, true
}

// query is what a list of exchanges is narrowed to. Before is a number they are below; 0 means any.
type query struct {
	text, verdict, outcome string
	session                *string
	before                 uint64
	limit                  int
}

func (q *query) matches(e *Exchange) bool {
	return (q.verdict == "" || q.verdict == e.Verdict) && (q.outcome == "" || q.outcome == e.Outcome) &&
		(q.session == nil || *q.session == e.Session) && (q.text == "" || e.matches(q.text))
}

// list returns the exchanges that match, the latest first, and whether there are older ones.
func (x *exchanges) list(q query) (found []Exchange, more bool) {
	q.text = strings.ToLower(q.text)
	found = []Exchange{}
	x.mu.Lock()
	defer x.mu.Unlock()
	seq := x.next
	if q.before > 0 {
		seq = min(seq, q.before)
	}
	for first := x.first(); seq > first; seq-- {
		e := &x.at(seq - 1).Exchange
		if !q.matches(e) {
			continue
		}
		if len(found) == q.limit {
			return found, true
		}
		found = append(found, *e)
	}
	return found, false
}

// follow registers a channel that is woken by each new exchange.
func (x *exchanges) follow() (wake chan struct{}, leave func()) {
	wake = make(chan struct{}, 1)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.followers[wake] = struct{}{}
	return wake, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.followers, wake)
	}
}

// line is one exchange as JSON.
type line struct {
	seq  uint64
	text []byte
}

// since returns up to limit exchanges from number seq on, and how many of them are no longer kept.
func (x *exchanges) since(seq uint64, limit int) (lines []line, dropped uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if first := x.first(); seq < first {
		dropped, seq = first-seq, first
	}
	for ; seq < x.next && len(lines) < limit; seq++ {
		lines = append(lines, line{seq, x.at(seq).line})
	}
	return lines, dropped
}

// last is the number of the latest exchange, 0 before the first.
func (x *exchanges) last() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.next - 1
}

// byClient returns a copy of all sessions, the latest used first.
func (x *exchanges) byClient() []Client {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := make([]Client, 0, len(x.sessions))
	for _, s := range x.sessions {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Client) int {
		if c := b.Last.Compare(a.Last); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// countHits says how often each of the rules has spoken.
func (x *exchanges) countHits(rules []Rule) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range rules {
		rules[i].Hits = x.hits[rules[i].ID]
	}
}

// fill makes every list one that JSON shows as a list.
func (d *Detail) fill() {
	d.Request.Headers, d.Response.Headers, d.Parts = orEmpty(d.Request.Headers), orEmpty(d.Response.Headers), orEmpty(d.Parts)
	if d.Form != nil {
		d.Form.fill()
	}
	for i := range d.Parts {
		d.Parts[i].fill()
	}
	if d.Miss != nil {
		d.Miss.Nearest = orEmpty(d.Miss.Nearest)
		for i := range d.Miss.Nearest {
			d.Miss.Nearest[i].Diffs = orEmpty(d.Miss.Nearest[i].Diffs)
		}
	}
}

func (f *Form) fill() {
	if f.IDs == nil {
		f.IDs = map[string]string{}
	}
	f.Targets, f.Token.Scopes, f.Token.Roles = orEmpty(f.Targets), orEmpty(f.Token.Scopes), orEmpty(f.Token.Roles)
	f.Token.Anomalies = orEmpty(f.Token.Anomalies)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
