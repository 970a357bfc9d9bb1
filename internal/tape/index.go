package tape

import (
	"cmp"
	"hash/maphash"
	"iter"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// index finds the interaction that answers a request in constant time: a table from fingerprint to the group of equal
// recordings, which are chained in the order in which they were sent.
type index struct {
	repeat Repeat
	// strict are the interactions in the order in which they must be asked for, and turn is the next of them; nil if
	// the order does not matter.
	strict []int32
	turn   int

	mu     sync.Mutex
	groups table
	next   []int32 // per interaction: the next equal one, -1 at the end

	// near tells, per interaction, what a miss is compared with first.
	near []nearness
}

// group is one sequence of equal recordings.
type group struct {
	key         fingerprint
	first, last int32
	// cursor is the recording to serve next, -1 behind the last.
	cursor int32
	// size is how many there are, used how many of them were served at least once, in order.
	size, used int32
}

// table holds groups by their keys, each where its key's hash says or behind it. A look-up in a long cassette waits for memory and
// little else: here it touches one place, where a map has three.
type table struct {
	seed   maphash.Seed
	places []group // a power of two; size 0 is free
}

// newTable has room for n groups.
func newTable(n int) table {
	return table{maphash.MakeSeed(), make([]group, 1<<bits.Len(uint(n+n/2)))}
}

// of is the group of a key, or the free place that is to be its own.
func (t *table) of(key *fingerprint) *group {
	at := maphash.Bytes(t.seed, key[:])
	for ; ; at++ {
		g := &t.places[at&uint64(len(t.places)-1)]
		if g.size == 0 || g.key == *key {
			return g
		}
	}
}

// all are the groups, in no order.
func (t *table) all() iter.Seq[*group] {
	return func(yield func(*group) bool) {
		for i := range t.places {
			if t.places[i].size > 0 && !yield(&t.places[i]) {
				return
			}
		}
	}
}

// nearness are hashes of an interaction's method with its target, and of its method with the shape of its path.
type nearness struct{ target, shape uint32 }

// indexer computes fingerprints while a cassette is read, on all cores.
type indexer struct {
	keyers *keyers
	keys   []fingerprint
	near   []nearness
	order  []int32
}

func (x *indexer) size(n int) {
	x.keys = make([]fingerprint, n)
	x.near = make([]nearness, n)
	x.order = make([]int32, n)
}

func (x *indexer) shrink(n int) { x.keys, x.near, x.order = x.keys[:n], x.near[:n], x.order[:n] }

// visit takes note of interaction i. It is called by several goroutines, never twice for one i.
func (x *indexer) visit(i int, raw []byte, v *view) {
	id, err := x.keyers.recorded(raw, v)
	if err != nil {
		return
	}
	k := x.keyers.get()
	x.keys[i] = k.key(&id)
	x.keyers.put(k)
	x.near[i] = nearnessOf(id.method, id.host, id.target)
	if seq, err := v.sequence.text(); err == nil {
		n, _ := strconv.ParseInt(string(seq), 10, 32)
		x.order[i] = int32(n)
	}
}

// build chains the interactions.
func (x *indexer) build(repeat Repeat, order Order) *index {
	n := len(x.keys)
	ix := &index{repeat: repeat, groups: newTable(n), next: make([]int32, n), near: x.near}
	sorted := x.sorted()
	if order == OrderStrict {
		ix.strict = sorted
	}
	for _, i := range sorted {
		ix.next[i] = -1
		g := ix.groups.of(&x.keys[i])
		if g.size == 0 {
			*g = group{key: x.keys[i], first: i, last: i, cursor: i, size: 1}
			continue
		}
		ix.next[g.last] = i
		g.last = i
		g.size++
	}
	return ix
}

// sorted are the interactions in the order in which they were sent, if every one of them tells it, else in the file's:
// a recorder that was killed leaves them in the order in which they were answered.
func (x *indexer) sorted() []int32 {
	order := make([]int32, len(x.keys))
	sorted := true
	for i := range order {
		order[i] = int32(i)
		if x.order[i] == 0 {
			x.order = make([]int32, len(x.keys))
		}
		sorted = sorted && (i == 0 || x.order[i-1] <= x.order[i])
	}
	if !sorted {
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(x.order[a], x.order[b]) })
	}
	return order
}

// outOfTurn is told as the number of recordings where there is one that is not the next.
const outOfTurn = -1

// nextInTurn is the interaction whose turn it is.
func (ix *index) nextInTurn() int {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	return int(ix.strict[min(ix.turn, len(ix.strict)-1)])
}

// find is the interaction that answers the fingerprint next; if there is none, size tells how many there were. With
// take it counts as served.
func (ix *index) find(key fingerprint, take bool) (i, size int) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	g := ix.groups.of(&key)
	if g.size == 0 {
		return -1, 0
	}
	at := g.cursor
	if at < 0 {
		switch ix.repeat {
		case RepeatLast:
			at = g.last
		case RepeatCycle:
			at = g.first
		default:
			return -1, int(g.size)
		}
	}
	if take && ix.strict != nil {
		if ix.strict[ix.turn] != at { // at was not served, so turn is not behind the last
			return -1, outOfTurn
		}
		ix.turn++
	}
	if take {
		if g.used < g.size {
			g.used++
		}
		g.cursor = -1
		if at != g.last {
			g.cursor = ix.next[at]
		}
	}
	return int(at), int(g.size)
}

// unused lists the interactions never served, in the file's order, and counts all that there are.
func (ix *index) unused() []int {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	var out []int
	for g := range ix.groups.all() {
		at := g.first
		for k := int32(0); k < g.size; k++ {
			if k >= g.used {
				out = append(out, int(at))
			}
			at = ix.next[at]
		}
	}
	slices.Sort(out)
	return out
}

var nearSeed = maphash.MakeSeed()

func nearnessOf(method, host, target string) nearness {
	path, _, _ := strings.Cut(target, "?")
	return nearness{
		target: uint32(maphash.String(nearSeed, method+" "+host+target)),
		shape:  uint32(maphash.String(nearSeed, method+" "+shapeOf(path))),
	}
}

// shapeOf is a path with its ids taken out: what has a digit in it is taken for one, but for the version.
func shapeOf(path string) string {
	var b strings.Builder
	for i, part := range strings.Split(path, "/") {
		if i > 1 && strings.ContainsAny(part, "0123456789") {
			part = "{}"
		}
		b.WriteByte('/')
		b.WriteString(part)
	}
	return b.String()
}

// last is the highest place in the order of sending.
func (x *indexer) last() int {
	if len(x.order) == 0 {
		return 0
	}
	return max(int(slices.Max(x.order)), len(x.order))
}
