package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"
)

// Broken is the error of a line that is not what was written there.
type Broken struct {
	Line   int
	Reason error
}

func (b *Broken) Error() string { return fmt.Sprintf("ledger line %d: %v", b.Line, b.Reason) }

// Unwrap gives the reason.
func (b *Broken) Unwrap() error { return b.Reason }

// Report is what Verify found.
type Report struct {
	// Records counts the records up to the end or the first broken line.
	Records int
	// First and Last are the times of the first and the last of them.
	First, Last time.Time
	// Head is the hash of the last of them: compare it with one kept elsewhere.
	Head string
	// Torn is the length of an unfinished last line: a write in progress, or one that a stop cut short.
	Torn int64
}

// Verify reads the whole ledger at path and checks every hash and the chain. The error is a *Broken that names the
// first line at fault; the report then covers the lines before it.
func Verify(path string) (Report, error) {
	report := Report{Head: genesis}
	f, err := os.Open(path)
	if err != nil {
		return report, fmt.Errorf("verify the ledger: %w", err)
	}
	defer f.Close()
	for line, err := range lines(f, &report.Torn) {
		if err != nil {
			return report, fmt.Errorf("verify the ledger: %w", err)
		}
		n := report.Records + 1
		r, err := open(line)
		switch {
		case err != nil:
			return report, &Broken{Line: n, Reason: err}
		case r.Prev != report.Head:
			return report, &Broken{Line: n, Reason: errors.New("it does not follow the line before it: one was added, removed or moved")}
		case r.Seq != uint64(n):
			return report, &Broken{Line: n, Reason: fmt.Errorf("it is numbered %d", r.Seq)}
		}
		if n == 1 {
			report.First = r.Time
		}
		report.Records, report.Last, report.Head = n, r.Time, r.Hash
	}
	return report, nil
}

// Read gives the records of the ledger at path in order. A line that is not a record, or whose hash does not match, is
// a *Broken, after which Read goes on (the record comes along where it could be read); any other error is the last.
// The chain between lines is not checked, and an unfinished last line is left out: Verify tells of both.
func Read(path string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Record{}, fmt.Errorf("read the ledger: %w", err))
			return
		}
		defer f.Close()
		n := 0
		for line, err := range lines(f, new(int64)) {
			if err != nil {
				yield(Record{}, fmt.Errorf("read the ledger: %w", err))
				return
			}
			n++
			r, err := open(line)
			r.Line = n
			if err != nil {
				err = &Broken{Line: n, Reason: err}
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// lines gives the finished lines of r without their line breaks, each valid until the next. A line over maxLine ends
// it with an error; what follows the last line break is counted in torn.
func lines(r io.Reader, torn *int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		var long []byte
		n := 0
		for {
			part, err := in.ReadSlice('\n')
			n += len(part)
			if n > maxLine {
				yield(nil, fmt.Errorf("a line is longer than %d bytes", maxLine))
				return
			}
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				long = append(long, part...)
				continue
			case errors.Is(err, io.EOF):
				*torn = int64(n)
				return
			case err != nil:
				yield(nil, err)
				return
			}
			if len(long) > 0 {
				long = append(long, part...)
				part = long
			}
			if !yield(part[:len(part)-1], nil) {
				return
			}
			long, n = long[:0], 0
		}
	}
}

// tail finds the last finished line of a file of the given size and where it ends; what lies behind is torn. The line
// has to be sound and to follow the one before it, which is all that can be told without reading the whole file.
func tail(f io.ReaderAt, size int64) (last Record, end int64, err error) {
	// The torn line, the last and the one before it are each at most maxLine long.
	from := max(0, size-3*maxLine-3)
	data := make([]byte, size-from)
	if _, err := f.ReadAt(data, from); err != nil && !errors.Is(err, io.EOF) {
		return last, 0, err
	}
	at := bytes.LastIndexByte(data, '\n')
	if at < 0 {
		if from > 0 {
			return last, 0, fmt.Errorf("its last line is longer than %d bytes: not a ledger", maxLine)
		}
		if size > maxLine {
			return last, 0, errForm
		}
		return last, 0, startOnly(data)
	}
	end = from + int64(at) + 1
	rest, line := splitLast(data[:at])
	if last, err = open(line); err != nil {
		return last, 0, fmt.Errorf("the last line: %w (`graphwarden ledger verify` looks at them all)", err)
	}
	prev := Record{Hash: genesis}
	if rest != nil {
		_, line = splitLast(rest)
		if prev, err = open(line); err != nil {
			return last, 0, fmt.Errorf("the line before the last: %w (`graphwarden ledger verify` looks at them all)", err)
		}
	}
	if last.Prev != prev.Hash || last.Seq != prev.Seq+1 {
		return last, 0, errors.New("the last line does not follow the one before it (`graphwarden ledger verify` looks at them all)")
	}
	return last, end, nil
}

// splitLast splits off the last line; rest is nil when it is the only one.
func splitLast(data []byte) (rest, line []byte) {
	if i := bytes.LastIndexByte(data, '\n'); i >= 0 {
		return data[:i], data[i+1:]
	}
	return nil, data
}

// startOnly guards files that are no ledgers: one without a single line break is cut to nothing only if it is what is
// left of a first record.
func startOnly(data []byte) error {
	const begin = `{"time":"`
	head := data[:min(len(data), len(begin))]
	if string(head) == begin[:len(head)] || len(bytes.Trim(data, "\x00")) == 0 {
		return nil
	}
	return errForm
}
