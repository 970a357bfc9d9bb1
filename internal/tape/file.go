package tape

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrLocked says that another recorder is writing the cassette.
var ErrLocked = errors.New("another recorder is writing this cassette: stop it, or record to another file")

// PartialPath is where a recording over an existing cassette is written until it is closed.
func PartialPath(path string) string { return path + ".partial" }

// recording is a cassette being written.
type recording struct {
	final string   // the name it has when it is closed
	f     *os.File // the file being written: final, or its partial
	held  *os.File // the old cassette, kept open for its lock
	tail  []byte   // what Close writes behind the last interaction
	anew  bool     // an old cassette is recorded over
	// maxAge is how old a cassette may be, by the clock now.
	maxAge time.Duration
	now    func() time.Time
	sync   Sync

	mu    sync.Mutex
	size  int64
	dirty bool
	// first is where the interactions of this recording begin, count how many there are, last the sequence of the one
	// that was written last.
	first       int64
	count, last int
	// shuffled tells that they do not stand in the order in which they were sent.
	shuffled bool
	quit     chan struct{}
	wg       sync.WaitGroup
	err      error // the first failure to write or to sync; nothing is recorded behind it
}

func recordHead(tool string) []byte {
	if tool == "" {
		tool = "graphwarden"
	}
	head := append([]byte("---\nversion: 1\nrecorder: "), appendDouble(nil, tool)...)
	return append(head, "\ninteractions:\n"...)
}

// startRecording makes a new cassette at path: under its own name if there is none yet, else beside the old one.
func startRecording(path string, head []byte, when Sync) (*recording, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	r := &recording{final: path, sync: when, tail: endMarker}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if r.held, err = openLocked(path); err == nil {
			f, err = r.openPartial()
			r.anew = true
		}
	} else if err == nil {
		err = lock(f)
	}
	r.f = f
	if err == nil {
		err = r.write(head)
	}
	if err != nil {
		r.closeFiles()
		return nil, err
	}
	r.start()
	return r, nil
}

// openPartial makes the partial file, moving one that a killed recorder left out of the way.
func (r *recording) openPartial() (*os.File, error) {
	partial := PartialPath(r.final)
	if _, err := os.Lstat(partial); err == nil {
		if err := os.Rename(partial, partial+".old"); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// continueRecording appends to the cassette at path, which load read after it was locked.
func continueRecording(path string, when Sync, load func() (*Cassette, error)) (*recording, *Cassette, error) {
	held, err := openLocked(path)
	if err != nil {
		return nil, nil, err
	}
	c, err := load()
	if err != nil {
		return nil, nil, errors.Join(err, unlock(held), held.Close())
	}
	r := &recording{final: path, sync: when, tail: c.tail}
	if len(c.tail) == 0 && bytes.Contains(c.head, []byte("\nrecorder: ")) {
		r.tail = endMarker
	}
	end := int64(c.tailAt)
	if c.end > 0 {
		end = int64(c.end)
	}
	if c.canonical && c.original[end-1] == '\n' && (len(c.tail) == 0 || bytes.Equal(c.tail, endMarker)) {
		r.f, r.size = held, end
		err = held.Truncate(end)
	} else {
		r.held = held
		if r.f, err = r.openPartial(); err == nil {
			tail := c.tail
			c.tail = nil
			err = r.write(c.canonicalBytes())
			c.tail = tail
		}
	}
	if err != nil {
		r.closeFiles()
		return nil, nil, err
	}
	r.start()
	return r, c, nil
}

func openLocked(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// start runs the goroutine that syncs now and then.
func (r *recording) start() {
	if r.sync == SyncAlways {
		return
	}
	r.quit = make(chan struct{})
	r.wg.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-r.quit:
				return
			case <-t.C:
				r.mu.Lock()
				dirty, f := r.dirty, r.f
				r.dirty = false
				r.mu.Unlock()
				if !dirty {
					continue
				}
				if err := f.Sync(); err != nil {
					// The kernel tells of a failure once; a second call would report success for nothing.
					r.mu.Lock()
					r.err = errors.Join(r.err, err)
					r.mu.Unlock()
				}
			}
		}
	})
}

// append writes the interaction with the sequence in one write. After a failure the file is cut back to its last whole
// interaction.
func (r *recording) append(sequence int, b []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return fmt.Errorf("an earlier write failed: %w", r.err)
	}
	from := r.size
	if err := r.write(b); err != nil {
		r.err = errors.Join(err, r.f.Truncate(from))
		r.size = from
		return err
	}
	if r.count == 0 {
		r.first = from
	}
	r.count++
	r.shuffled = r.shuffled || sequence < r.last
	r.last = sequence
	return nil
}

func (r *recording) write(b []byte) error {
	n, err := r.f.WriteAt(b, r.size)
	r.size += int64(n)
	r.dirty = true
	if err == nil && r.sync == SyncAlways {
		err = r.f.Sync()
	}
	return err
}

func (r *recording) closeFiles() error {
	var errs []error
	for _, f := range []*os.File{r.f, r.held} {
		if f != nil {
			errs = append(errs, unlock(f), f.Close())
		}
	}
	return errors.Join(errs...)
}
