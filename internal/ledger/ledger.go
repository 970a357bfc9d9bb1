// Package ledger keeps the append-only log of verdicts and changes: who wanted what, when, and what became of it.
//
// Entries go in; a file of JSON Lines comes out, readable by anyone, in which each line carries the hash of the line
// before it, so that a line changed, removed, added or moved later is found. A line's own hash is the SHA-256 of the
// line without its last member: cut `,"hash":"…"` out and digest the bytes that are left. The chain does not by itself
// show that lines were cut off the end or that the whole file was written anew; for that, keep the last hash (Head)
// somewhere else. The package never writes a token or a body: an Entry has no place for either.
package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// ErrLocked is reported, wrapped, by Open when another process is writing to the ledger.
var ErrLocked = errors.New("another process is writing to it")

// Ledger is an open ledger, the only writer to its file. It is safe for concurrent use.
type Ledger struct {
	path string
	sync bool
	torn int64

	mu     sync.Mutex // guards what follows
	file   *os.File
	size   int64
	seq    uint64
	head   string
	failed error // set for good once the file's state is unknown

	syncMu sync.Mutex
	synced uint64 // guarded by syncMu
}

// Option changes how a ledger is opened.
type Option func(*Ledger)

// WithSync makes Append return only when the line is on the disk, so that it outlives a loss of power and not only the
// end of the process. Entries appended at the same time share the wait.
func WithSync() Option { return func(l *Ledger) { l.sync = true } }

// Open opens the ledger at path for appending, or makes it (mode 0600). A last line that was not written to its end,
// because the machine stopped, is cut off and reported by Torn; a last line that is whole but damaged is an error, as
// is a second writer (ErrLocked). Lines further up are for Verify to check.
func Open(path string, options ...Option) (*Ledger, error) {
	l := &Ledger{path: path, head: genesis}
	for _, o := range options {
		o(l)
	}
	f, err := os.OpenFile(path, openFlags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	l.file = f
	if err := l.resume(); err != nil {
		f.Close()
		return nil, fmt.Errorf("open the ledger %s: %w", path, err)
	}
	return l, nil
}

// resume takes the lock and finds where the chain goes on.
func (l *Ledger) resume() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file, so it cannot be verified")
	}
	if err := lock(l.file); err != nil {
		return err
	}
	if info, err = l.file.Stat(); err != nil { // the size may have changed until the lock was ours
		return err
	}
	last, end, err := tail(l.file, info.Size())
	if err != nil {
		return err
	}
	if l.torn = info.Size() - end; l.torn > 0 {
		if err := l.file.Truncate(end); err != nil {
			return fmt.Errorf("cut off the unfinished last line: %w", err)
		}
	}
	l.size, l.seq = end, last.Seq
	if last.Seq > 0 {
		l.head = last.Hash
	}
	if _, err := l.file.Seek(end, io.SeekStart); err != nil {
		return err
	}
	if !l.sync {
		return nil
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(l.path))
}

// Torn is how many bytes of an unfinished last line Open cut off; 0 is the usual answer.
func (l *Ledger) Torn() int64 { return l.torn }

// Head is the number and the hash of the last record. Kept elsewhere, it shows later that nothing was cut off.
func (l *Ledger) Head() (seq uint64, hash string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq, l.head
}

// Append adds one entry, in one write. When it returns an error the entry is not in the ledger, unless the error is of
// the wait for the disk (WithSync): then nobody can know, and every later Append fails as well. After a full disk
// Append works again as soon as there is room.
func (l *Ledger) Append(e Entry) error {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	e.Time = e.Time.UTC().Round(0)
	if err := encode(b, &e); err != nil {
		return fmt.Errorf("append to the ledger: %w", err)
	}
	seq, err := l.write(b)
	if err == nil && l.sync {
		err = l.flush(seq)
	}
	if err != nil {
		return fmt.Errorf("append to the ledger: %w", err)
	}
	return nil
}

func (l *Ledger) write(b *bytes.Buffer) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return 0, l.failed
	}
	hash := seal(b, l.seq+1, l.head)
	if b.Len() > maxLine {
		return 0, fmt.Errorf("the entry has %d bytes, more than %d", b.Len(), maxLine)
	}
	if n, err := l.file.Write(b.Bytes()); err != nil {
		if n > 0 {
			// Half a line would break the chain for the entries to come.
			_, seekErr := l.file.Seek(l.size, io.SeekStart)
			if cutErr := errors.Join(l.file.Truncate(l.size), seekErr); cutErr != nil {
				l.failed = fmt.Errorf("%s ends in half a line: %w", l.path, errors.Join(err, cutErr))
			}
		}
		return 0, err
	}
	l.size += int64(b.Len())
	l.seq, l.head = l.seq+1, hash
	return l.seq, nil
}

// flush waits until record seq is on the disk. Who comes while another waits finds its own record flushed by the next
// call, so that many writers need few flushes.
func (l *Ledger) flush(seq uint64) error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	if l.synced >= seq {
		return nil
	}
	l.mu.Lock()
	written, failed := l.seq, l.failed
	l.mu.Unlock()
	if failed != nil {
		return failed
	}
	if err := l.file.Sync(); err != nil {
		// The kernel may have dropped the pages, and a second call would then report success for nothing.
		err = fmt.Errorf("flush %s: %w", l.path, err)
		l.mu.Lock()
		l.failed = err
		l.mu.Unlock()
		return err
	}
	l.synced = written
	return nil
}

// Close lets go of the file and its lock. Appending afterwards is an error.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.failed, os.ErrClosed) {
		return nil
	}
	l.failed = fmt.Errorf("%s: %w", l.path, os.ErrClosed)
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("close the ledger: %w", err)
	}
	return nil
}
