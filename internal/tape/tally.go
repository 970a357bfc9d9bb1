package tape

import (
	"encoding/binary"
	"errors"
	"slices"
)

// tally counts how often each request was seen, by the part of its fingerprint that its id shows. Two interactions that
// show the same part never get the same number, so no two ids are ever equal.
//
// A recording may go on for days, so the memory is bounded: what was not seen lately waits in sorted files without a name.
// In memory stay a filter of ten bits for each of their entries, which tells nearly all new requests from those that may
// be in the files, and every 256th key, so that whoever may be there is looked up with one read. The filter decides nothing
// alone: it says no or asks the file.
type tally struct {
	// folder is where the files are made.
	folder string
	// recent is a table with open addressing; a slot without a number is free.
	recent []counted
	used   int
	// runs are the files, the newest and smallest last.
	runs []run
	// kept is set when a file could not be written: everything stays in memory from then on.
	kept bool
}

// counted is a key with the number of its last interaction.
type counted struct {
	key uint64
	n   uint32
}

// maxRecent is how many keys are held in memory: three quarters of the table.
const maxRecent = 3 << 13

// add is the number of the next interaction with the key, from 1. Where a file cannot be read it is the sequence, which no
// interaction before has got to.
func (t *tally) add(key fingerprint, sequence int) int {
	k := binary.BigEndian.Uint64(key[:8])
	if t.used >= len(t.recent)/4*3 {
		t.makeRoom()
	}
	slot := t.find(k)
	if slot.n == 0 {
		n, err := t.spilled(k)
		if err != nil {
			n = uint32(sequence) - 1
		}
		*slot = counted{k, n}
		t.used++
	}
	slot.n++
	return int(slot.n)
}

// find is the slot of the key, or the free one where it belongs. The keys are hashes and need no hashing.
func (t *tally) find(key uint64) *counted {
	mask := uint64(len(t.recent) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		if s := &t.recent[i]; s.n == 0 || s.key == key {
			return s
		}
	}
}

// makeRoom grows the table while it is small, and empties it into a file when it is not.
func (t *tally) makeRoom() {
	if t.used >= maxRecent && !t.kept {
		if t.spill() == nil {
			return
		}
		t.kept = true
	}
	was := t.recent
	t.recent = make([]counted, max(256, 2*len(was)))
	for _, c := range was {
		if c.n > 0 {
			*t.find(c.key) = c
		}
	}
}

// spill writes the table to a file and merges it with those that are not much larger, so that there are few.
func (t *tally) spill() error {
	all := slices.DeleteFunc(slices.Clone(t.recent), func(c counted) bool { return c.n == 0 })
	slices.SortFunc(all, func(a, b counted) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	fresh, err := writeRun(t.folder, len(all), slices.Values(all))
	if err != nil {
		return err
	}
	clear(t.recent)
	t.used = 0
	t.runs = append(t.runs, fresh)
	for n := len(t.runs); n >= 2 && t.runs[n-2].entries < 2*t.runs[n-1].entries; n = len(t.runs) {
		old, young := t.runs[n-2], t.runs[n-1]
		merged, err := mergeRuns(t.folder, old, young)
		if err != nil {
			return nil // two files do as well as one
		}
		t.runs = append(t.runs[:n-2], merged)
		_ = errors.Join(old.close(), young.close()) // they hold nothing any more
	}
	return nil
}

// spilled is the number the files know of the key, 0 if they know none.
func (t *tally) spilled(key uint64) (uint32, error) {
	for i := len(t.runs) - 1; i >= 0; i-- {
		if n, err := t.runs[i].number(key); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, nil
}

// close gives the files up.
func (t *tally) close() error {
	var errs []error
	for _, r := range t.runs {
		errs = append(errs, r.close())
	}
	t.runs = nil
	return errors.Join(errs...)
}

// filter is a Bloom filter: it may take a key for one that was put in, but never the other way round.
type filter []uint64

func newFilter(keys int) filter { return make(filter, keys*10/64+1) }

// places calls f with the places of a key until it says no.
func (f filter) places(key uint64, visit func(word, bit uint64) bool) bool {
	m := uint64(len(f)) * 64
	at, step := uint32(key), uint32(key>>32)|1
	for range 7 {
		if p := uint64(at) * m >> 32; !visit(p/64, 1<<(p%64)) {
			return false
		}
		at += step
	}
	return true
}

func (f filter) put(key uint64) {
	f.places(key, func(word, bit uint64) bool { f[word] |= bit; return true })
}

func (f filter) may(key uint64) bool {
	return f.places(key, func(word, bit uint64) bool { return f[word]&bit != 0 })
}
