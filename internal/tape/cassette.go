package tape

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Cassette is a file of interactions, read. It keeps the file's bytes and where each interaction stands in them;
// an interaction is decoded when it is asked for.
type Cassette struct {
	// Path is the file it was read from.
	Path string
	// Format is the version the file names: 1 or 2.
	Format int
	// Notices are what a person should know about the file: a torn tail that was cut, a recording that was not closed.
	Notices []string

	// original is the file as it was read; data holds the items in the canonical shape (the same bytes, unless the
	// file had to be read by the YAML library).
	original, data []byte
	items          []span
	// head is what stands before the first item and tail what stands behind the last.
	head, tail []byte
	// canonical is true when data is original.
	canonical bool
	// end is where the last whole item ends in original, if canonical.
	end int
	// tailAt is where the tail begins in original, if canonical. The tail is held without its digest; cut tells that
	// a part of that is missing.
	tailAt int
	digest string
	cut    bool
	// changed holds the interactions that were replaced or added, by index.
	changed map[int]*Interaction
	// visit, if set, is told of every item.
	visit *indexer
}

// span is where an item stands in the data.
type span struct {
	from, to int
	// answer is where what respond reads begins, behind from; 0 for an item that it does not read.
	answer int32
}

// Load reads a cassette: go-vcr's formats 1 and 2, in YAML or JSON. A torn tail is cut and told in Notices; a file that
// holds no cassette, or one that is damaged before its end, is an error that names the line.
func Load(path string) (*Cassette, error) { return load(path, nil) }

func load(path string, visit *indexer) (*Cassette, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("load cassette: %w", err)
	}
	c, err := parse(data, visit)
	if err != nil {
		return nil, fmt.Errorf("load cassette %s: %w", path, err)
	}
	c.Path = path
	return c, nil
}

// readFile reads a file into a slice of just its size.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	data := make([]byte, info.Size())
	largePages(data)
	n := 0
	for n < len(data) {
		m, err := f.ReadAt(data[n:], int64(n))
		n += m
		if err != nil {
			break // shrunk while it was read: what is there is judged as it is
		}
	}
	return data[:n], nil
}

// Len is the number of interactions.
func (c *Cassette) Len() int { return len(c.items) }

// At decodes interaction i, counted from 0 in the file's order.
func (c *Cassette) At(i int) (*Interaction, error) {
	if x, ok := c.changed[i]; ok {
		return x, nil
	}
	x, err := decode(c.raw(i))
	if err != nil {
		return nil, fmt.Errorf("interaction %d at line %d: %w", i+1, c.Line(i), err)
	}
	return x, nil
}

func (c *Cassette) raw(i int) []byte { return c.data[c.items[i].from:c.items[i].to] }

// Line is the line of the file, from 1, at which interaction i begins; 0 when the file was not in the canonical shape.
func (c *Cassette) Line(i int) int {
	if !c.canonical || i >= len(c.items) || c.items[i].to == 0 {
		return 0
	}
	return 1 + bytes.Count(c.data[:c.items[i].from], []byte{'\n'})
}

// Interactions are the interactions in the file's order. One that does not decode comes as nil.
func (c *Cassette) Interactions() iter.Seq2[int, *Interaction] {
	return func(yield func(int, *Interaction) bool) {
		for i := range c.items {
			x, err := c.At(i)
			if err != nil {
				x = nil
			}
			if !yield(i, x) {
				return
			}
		}
	}
}

// Set replaces interaction i.
func (c *Cassette) Set(i int, x *Interaction) {
	if c.changed == nil {
		c.changed = map[int]*Interaction{}
	}
	c.changed[i] = x
}

// Add appends an interaction.
func (c *Cassette) Add(x *Interaction) {
	c.items = append(c.items, span{})
	c.Set(len(c.items)-1, x)
}

// Bytes is the cassette as a file: as it was read when nothing was changed, else with the changed interactions written
// anew and the others as they stand.
func (c *Cassette) Bytes() []byte {
	if len(c.changed) == 0 && len(c.original) > 0 && c.end == 0 {
		return c.original
	}
	return c.canonicalBytes()
}

func (c *Cassette) canonicalBytes() []byte {
	out := slices.Clone(c.fileHead())
	for i, s := range c.items {
		if x, ok := c.changed[i]; ok {
			out = x.appendYAML(out)
		} else {
			out = append(out, c.data[s.from:s.to]...)
			if out[len(out)-1] != '\n' {
				out = append(out, '\n')
			}
		}
	}
	return seal(append(out, c.tail...))
}

func (c *Cassette) fileHead() []byte {
	if len(c.head) == 0 {
		return []byte(plainHead)
	}
	return c.head
}

// plainHead is the head go-vcr writes.
const plainHead = "---\nversion: 1\ninteractions:\n"

// Save writes the cassette to path: to a file beside it first, synced, then renamed.
func (c *Cassette) Save(path string) error {
	if err := writeAtomically(path, c.Bytes()); err != nil {
		return fmt.Errorf("save cassette: %w", err)
	}
	return nil
}

var (
	interactionsLine = []byte("\ninteractions:\n")
	itemStart        = []byte("\n    - ")
	endMarker        = []byte("...\n")
)

// parse reads a cassette from memory and keeps data.
func parse(data []byte, visit *indexer) (*Cassette, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("the file is empty")
	}
	c := &Cassette{original: data, data: data, canonical: true, Format: 1, visit: visit}
	err := c.split()
	if err == nil {
		err = c.check()
	}
	if errors.Is(err, errShape) {
		return parseAny(data, visit)
	}
	return c, err
}

// split finds the head, the items and the tail of a file in the canonical shape.
func (c *Cassette) split() error {
	at := bytes.Index(c.data, interactionsLine)
	if at < 0 {
		return errShape
	}
	format, ok := readHead(c.data[:at+1])
	if !ok {
		return errShape
	}
	c.Format = format
	start := at + len(interactionsLine)
	c.head = c.data[:start:start]
	end := len(c.data)
	for _, mark := range []string{"\n---", "\n..."} {
		if n := bytes.Index(c.data[start-1:end], []byte(mark)); n >= 0 {
			end = start + n
		}
	}
	c.tailAt = end
	c.tail, c.digest, c.cut = unseal(c.data[end:])
	if end == start {
		return nil
	}
	if !bytes.HasPrefix(c.data[start-1:end], itemStart) {
		return errShape
	}
	starts := itemStarts(c.data[:end], start)
	c.items = make([]span, len(starts))
	for i, from := range starts {
		c.items[i] = span{from: from, to: end}
		if i > 0 {
			c.items[i-1].to = from
		}
	}
	return nil
}

// itemStarts finds where items begin from start on, on all cores.
func itemStarts(data []byte, start int) []int {
	const chunk = 4 << 20
	chunks := make([][]int, (len(data)-start)/chunk+1)
	var wg sync.WaitGroup
	next := int32(-1)
	for range min(runtime.GOMAXPROCS(0), len(chunks)) {
		wg.Go(func() {
			for {
				k := int(atomic.AddInt32(&next, 1))
				if k >= len(chunks) {
					return
				}
				// A start is found by the line feed before it; the one at the border is looked for here, and only here.
				from := start - 1 + k*chunk
				to := min(from+chunk+len(itemStart)-1, len(data))
				list := make([]int, 0, chunk/1024)
				for {
					n := bytes.Index(data[from:to], itemStart)
					if n < 0 {
						break
					}
					from += n + 1
					list = append(list, from)
				}
				chunks[k] = list
			}
		})
	}
	wg.Wait()
	return slices.Concat(chunks...)
}

// readHead reads the lines before the interactions; it knows keys with a plain value at the top level.
func readHead(b []byte) (format int, ok bool) {
	format = 0
	for first := true; len(b) > 0; first = false {
		n := bytes.IndexByte(b, '\n')
		line := b[:n]
		b = b[n+1:]
		switch {
		case string(line) == "---" && first:
		case string(line) == "version: 1":
			format = 1
		case string(line) == "version: 2":
			format = 2
		case len(line) > 0 && isLetter(line[0]) && bytes.Contains(line, colonSpace) && bytes.IndexByte(line, '&') < 0:
		default:
			return 0, false
		}
	}
	return format, format > 0
}

// check scans every item, on all cores. An item the scanner does not know is read by the YAML library and kept in the
// canonical shape behind the file's bytes. A last item that is not whole is cut.
func (c *Cassette) check() error {
	if c.visit != nil {
		c.visit.size(len(c.items))
	}
	verdict := c.judge()
	bad := c.scanAll()
	for _, i := range bad {
		raw := c.raw(i)
		last := i == len(c.items)-1 && len(c.tail) == 0
		x, err := parseItem(raw)
		if err == nil && (!last || endsWhole(raw)) {
			c.replace(i, x)
			continue
		}
		if !last || bytes.Contains(c.original, []byte(": &")) {
			return errShape
		}
		c.end = c.items[i].from
		c.items = c.items[:i]
		if c.visit != nil {
			c.visit.shrink(i)
		}
		c.Notices = append(c.Notices, fmt.Sprintf("the last interaction, at line %d, was torn off and is left out: the recorder was killed, or the file was cut (%d bytes)",
			1+bytes.Count(c.original[:c.end], []byte{'\n'}), len(c.original)-c.end))
		return nil
	}
	if len(c.tail) == 0 && (len(c.items) == 0 || bytes.Contains(c.head, []byte("\nrecorder: "))) {
		c.Notices = append(c.Notices, "the recording was not closed: the recorder was killed or still runs, or whole interactions are missing at the end")
	}
	if notice := verdict(); notice != "" {
		c.Notices = append(c.Notices, notice)
	}
	return nil
}

// replace appends the item, written canonically, to the data, and points to it.
func (c *Cassette) replace(i int, x *Interaction) {
	if c.canonical && len(c.data) == len(c.original) {
		c.data = slices.Clip(c.data) // the file's bytes stay as they are
	}
	from := len(c.data)
	c.data = x.appendYAML(c.data)
	c.items[i] = span{from: from, to: len(c.data)}
	c.note(i)
}

// endsWhole reports whether the last line of an item that is not in the canonical shape can be trusted to be its last.
func endsWhole(raw []byte) bool {
	line := bytes.TrimRight(raw, "\r\n ")
	line = bytes.TrimLeft(line[bytes.LastIndexByte(line, '\n')+1:], " ")
	return bytes.HasPrefix(line, []byte("duration: ")) && bytes.HasSuffix(line, []byte("s"))
}

// scanAll returns the indexes of the items that are not in the canonical shape, in order.
func (c *Cassette) scanAll() []int {
	var mu sync.Mutex
	var bad []int
	// The collector lets garbage grow to the size of what lives, here that of the file; it is cheap to be asked earlier,
	// since there are no pointers in a file.
	often := int64(max(32<<20, len(c.data)/8))
	var scanned atomic.Int64
	parallel(len(c.items), func(from, to int) {
		done := 0
		for i := from; i < to; i++ {
			if done += c.items[i].to - c.items[i].from; done >= 1<<20 {
				if n := scanned.Add(int64(done)); n/often != (n-int64(done))/often {
					runtime.GC()
				}
				done = 0
			}
			if c.note(i) {
				continue
			}
			mu.Lock()
			bad = append(bad, i)
			mu.Unlock()
		}
	})
	slices.Sort(bad)
	return bad
}

// note reports whether item i is whole and in the canonical shape, and shows it to the visitor if so.
func (c *Cassette) note(i int) bool {
	var v view
	raw := c.raw(i)
	if err := scan(raw, &v, nil, nil, nil); err != nil {
		return false
	}
	if !v.whole || len(v.url.raw) == 0 || len(v.method.raw) == 0 || len(v.code.raw) == 0 {
		return false
	}
	if len(v.encoding.raw) == 0 && v.answerAt <= math.MaxInt32 {
		c.items[i].answer = int32(v.answerAt)
	}
	if c.visit != nil {
		c.visit.visit(i, raw, &v)
	}
	return true
}
