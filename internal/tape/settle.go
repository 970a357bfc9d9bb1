package tape

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// written is where an interaction of a recording stands in the file.
type written struct {
	sequence int
	from, to int64
}

// close finishes the file: the end marker, interactions in the order in which they were sent, synced, under its name.
// It reports whether the cassette at path is the new one.
func (r *recording) close() (replaced bool, err error) {
	if r.quit != nil {
		close(r.quit)
		r.wg.Wait()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	partial := r.held != nil
	if partial && r.count == 0 {
		err := r.closeFiles()
		return false, errors.Join(err, os.Remove(PartialPath(r.final)))
	}
	order, err := r.order()
	if order == nil && err == nil {
		err = r.writeTail()
	}
	var renewed []byte
	if r.anew && err == nil && r.err == nil {
		var same bool
		if renewed, same = r.renewed(order); same {
			return true, errors.Join(r.closeFiles(), os.Remove(PartialPath(r.final)))
		}
	}
	// A recording with a hole does not take the place of a whole one.
	err = errors.Join(r.err, err, r.f.Sync())
	finished := ""
	if err == nil && (order != nil || renewed != nil) {
		finished, err = writeBeside(r.final, func(w io.Writer) error {
			if renewed == nil {
				return r.copySettled(w, order)
			}
			_, err := w.Write(renewed)
			return err
		})
	}
	err = errors.Join(err, r.closeFiles())
	switch {
	case err != nil && finished != "":
		os.Remove(finished)
	case err != nil:
	case finished != "":
		if err = renameTo(r.final, finished); err == nil && partial {
			err = os.Remove(PartialPath(r.final))
		}
	case partial:
		err = os.Rename(PartialPath(r.final), r.final)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(r.final))
	}
	return err == nil, err
}

// order is where the interactions of this recording stand, in the order in which they were sent; nil if the file has them
// in it. Nothing of this is held in memory while recording: the file tells.
func (r *recording) order() ([]written, error) {
	if !r.shuffled {
		return nil, nil
	}
	list := make([]written, 0, r.count)
	lines := bufio.NewReaderSize(io.NewSectionReader(r.f, r.first, r.size-r.first), copyChunk)
	for at, begins := r.first, true; ; {
		line, err := lines.ReadSlice('\n')
		if begins && bytes.HasPrefix(line, itemStart[1:]) {
			if n := len(list); n > 0 {
				list[n-1].to = at
			}
			list = append(list, written{from: at, to: r.size})
		} else if n := len(list); begins && n > 0 && list[n-1].sequence == 0 && bytes.HasPrefix(line, sequenceKey) {
			list[n-1].sequence, _ = strconv.Atoi(string(bytes.TrimSpace(line[len(sequenceKey):])))
		}
		at += int64(len(line))
		begins = err == nil
		if err == io.EOF {
			break
		}
		if err != nil && err != bufio.ErrBufferFull { // a line longer than the buffer comes in parts
			return nil, fmt.Errorf("read what was recorded: %w", err)
		}
	}
	if len(list) != r.count || slices.ContainsFunc(list, func(w written) bool { return w.sequence == 0 }) {
		return nil, fmt.Errorf("the file holds %d interactions where %d were written: something else wrote to it", len(list), r.count)
	}
	slices.SortStableFunc(list, func(a, b written) int { return cmp.Compare(a.sequence, b.sequence) })
	return list, nil
}

var sequenceKey = []byte("      sequence: ")

// copyChunk is how much of a file is held at a time while it is read or copied.
const copyChunk = 256 << 10

// copySettled writes the whole file with its interactions in the order.
func (r *recording) copySettled(to io.Writer, order []written) error {
	sum := sha256.New()
	out := bufio.NewWriterSize(to, copyChunk)
	both := io.MultiWriter(out, sum)
	buf := make([]byte, copyChunk)
	if _, err := io.CopyBuffer(both, io.NewSectionReader(r.f, 0, r.first), buf); err != nil {
		return err
	}
	for i := 0; i < len(order); {
		from, to := order[i].from, order[i].to
		for i++; i < len(order) && order[i].from == to; i++ { // neighbours stay neighbours, mostly
			to = order[i].to
		}
		if _, err := io.CopyBuffer(both, io.NewSectionReader(r.f, from, to-from), buf); err != nil {
			return err
		}
	}
	_, err := out.Write(r.sealed(sum))
	return errors.Join(err, out.Flush())
}

// writeTail ends a file whose interactions are in their order. The digest is computed here: while recording it would be
// computed for nothing, since requests that overlap leave an order that is put right in the end.
func (r *recording) writeTail() error {
	sum := sha256.New()
	if endsMarked(r.tail) {
		n, err := io.CopyBuffer(sum, io.NewSectionReader(r.f, 0, r.size), make([]byte, copyChunk))
		if err == nil && n != r.size {
			err = fmt.Errorf("the file holds %d bytes where %d were written: something else wrote to it", n, r.size)
		}
		if err != nil {
			return err
		}
	}
	return r.write(r.sealed(sum))
}

// sealed is the tail, with the digest, begun over what is before it, if it has an end marker.
func (r *recording) sealed(sum hash.Hash) []byte {
	if !endsMarked(r.tail) {
		return r.tail
	}
	rest := r.tail[:len(r.tail)-len(endMarker)]
	sum.Write(rest)
	return append(bytes.Clone(rest), sealLine(sum.Sum(nil))...)
}

// renewed is the whole file with what means the same as on the old cassette left as it is there, or same if that is all;
// nil if the old cassette cannot be compared with: what was recorded is kept as it is then.
func (r *recording) renewed(order []written) (_ []byte, same bool) {
	info, err := r.held.Stat()
	if err != nil || info.Size() > maxRenewed || r.size > maxRenewed {
		return nil, false
	}
	was, err := Load(r.final)
	if err != nil {
		return nil, false
	}
	var now bytes.Buffer
	now.Grow(int(r.size) + 256)
	if order != nil {
		err = r.copySettled(&now, order)
	} else {
		_, err = io.Copy(&now, io.NewSectionReader(r.f, 0, r.size))
	}
	if err != nil {
		return nil, false
	}
	fresh, err := parse(now.Bytes(), nil)
	if err != nil {
		return nil, false
	}
	out, changed, err := renew(was, fresh)
	if err != nil {
		return nil, false
	}
	if !changed && (r.maxAge <= 0 || was.expired(r.now(), r.maxAge/2) == nil) {
		return nil, true
	}
	out.head = keptHead(out.head, was.fileHead(), r.now(), r.maxAge)
	return out.canonicalBytes(), false
}
