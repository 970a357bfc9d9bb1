package tape

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"math"
	"os"
	"slices"
)

// run is a file of entries sorted by their keys: eight bytes of key and four of number, each.
type run struct {
	f       *os.File
	named   bool // the file could not be unlinked while it is open
	entries int
	may     filter
	// first are the keys that blocks begin with.
	first []uint64
}

const (
	entrySize  = 12
	blockLen   = 256 // entries that are read at a time
	mergeChunk = 64 << 10
)

// writeRun writes at most n entries, which come in the order of their keys.
func writeRun(folder string, n int, entries iter.Seq[counted]) (_ run, err error) {
	if n > math.MaxUint32 {
		return run{}, errors.New("too many requests to count")
	}
	f, err := os.CreateTemp(folder, ".graphwarden-tally.*") // made with mode 0600
	if err != nil {
		return run{}, err
	}
	r := run{f: f, named: os.Remove(f.Name()) != nil, may: newFilter(n), first: make([]uint64, 0, n/blockLen+1)}
	out := bufio.NewWriterSize(f, mergeChunk)
	var b [entrySize]byte
	for c := range entries {
		if r.entries%blockLen == 0 {
			r.first = append(r.first, c.key)
		}
		r.may.put(c.key)
		r.entries++
		binary.BigEndian.PutUint64(b[:], c.key)
		binary.BigEndian.PutUint32(b[8:], c.n)
		if _, err = out.Write(b[:]); err != nil {
			break
		}
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return run{}, errors.Join(err, r.close())
	}
	return r, nil
}

// mergeRuns makes one file of two; where both have a key, the young one's number counts.
func mergeRuns(folder string, old, young run) (run, error) {
	var failed error
	merged, err := writeRun(folder, old.entries+young.entries, func(yield func(counted) bool) {
		a, b := old.reader(), young.reader()
		for a.more() || b.more() {
			c := b.next
			switch {
			case !b.ok || a.ok && a.next.key < c.key:
				c = a.next
				a.advance()
			default:
				if a.ok && a.next.key == c.key {
					a.advance()
				}
				b.advance()
			}
			if !yield(c) {
				return
			}
		}
		failed = errors.Join(a.err, b.err)
	})
	if err == nil && failed != nil {
		return run{}, errors.Join(failed, merged.close())
	}
	return merged, err
}

// runReader reads a run from its start.
type runReader struct {
	in   *bufio.Reader
	next counted
	ok   bool // next is there
	err  error
}

func (r run) reader() *runReader {
	x := &runReader{in: bufio.NewReaderSize(io.NewSectionReader(r.f, 0, int64(r.entries)*entrySize), mergeChunk)}
	x.advance()
	return x
}

func (x *runReader) more() bool { return x.ok }

func (x *runReader) advance() {
	var b [entrySize]byte
	_, err := io.ReadFull(x.in, b[:])
	x.ok = err == nil
	if err != nil && err != io.EOF {
		x.err = err
	}
	x.next = entryOf(b[:])
}

func entryOf(b []byte) counted {
	return counted{binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])}
}

// number is the number of the key, 0 if the run does not have it.
func (r run) number(key uint64) (uint32, error) {
	if !r.may.may(key) {
		return 0, nil
	}
	block, found := slices.BinarySearch(r.first, key)
	if !found {
		if block == 0 {
			return 0, nil
		}
		block--
	}
	var buf [blockLen * entrySize]byte
	b := buf[:min(blockLen, r.entries-block*blockLen)*entrySize]
	if _, err := r.f.ReadAt(b, int64(block)*blockLen*entrySize); err != nil {
		return 0, err
	}
	for ; len(b) > 0; b = b[entrySize:] {
		if c := entryOf(b); c.key == key {
			return c.n, nil
		}
	}
	return 0, nil
}

func (r run) close() error {
	err := r.f.Close()
	if r.named {
		err = errors.Join(err, os.Remove(r.f.Name()))
	}
	return err
}
