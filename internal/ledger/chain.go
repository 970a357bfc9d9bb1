package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
)

const (
	hashLen = 2 * sha256.Size
	// genesis is what the first record has for the hash of the one before.
	genesis = "0000000000000000000000000000000000000000000000000000000000000000"

	hashKey = `,"hash":"`
	hashEnd = `"}`
	tailLen = len(hashKey) + hashLen + len(hashEnd)

	// maxLine bounds a record. Requests are bounded far below it; it keeps a reader of a damaged file from taking
	// the whole of it for one line.
	maxLine = 1 << 20
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// encode writes an entry as a JSON object without its closing brace, for seal to go on.
func encode(b *bytes.Buffer, e *Entry) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false) // paths are to be read by people
	if err := enc.Encode(e); err != nil {
		return fmt.Errorf("encode the entry: %w", err)
	}
	b.Truncate(b.Len() - len("}\n"))
	return nil
}

// seal completes an encoded entry to a line: its number, the hash before it, and the hash of all that.
func seal(b *bytes.Buffer, seq uint64, prev string) (hash string) {
	line := append(b.AvailableBuffer(), `,"seq":`...)
	line = strconv.AppendUint(line, seq, 10)
	line = append(line, `,"prev":"`...)
	line = append(line, prev...)
	line = append(line, hashEnd...)
	b.Write(line)
	sum := sha256.Sum256(b.Bytes())
	b.Truncate(b.Len() - 1)
	tail := append(b.AvailableBuffer(), hashKey...)
	tail = hex.AppendEncode(tail, sum[:])
	tail = append(tail, hashEnd...)
	tail = append(tail, '\n')
	b.Write(tail)
	return hex.EncodeToString(sum[:])
}

var (
	errForm = errors.New("not a ledger record")
	errHash = errors.New("its hash does not match: it was changed after it was written")
)

// open reads a line, without its line break, and checks its own hash; the chain is the caller's to check.
func open(line []byte) (Record, error) {
	var r Record
	cut := len(line) - tailLen
	if cut < 1 || !bytes.HasPrefix(line[cut:], []byte(hashKey)) || !bytes.HasSuffix(line, []byte(hashEnd)) {
		return r, errForm
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", errForm, err)
	}
	h := sha256.New()
	h.Write(line[:cut])
	h.Write([]byte{'}'})
	var sum [hashLen]byte
	hex.Encode(sum[:], h.Sum(nil))
	if stated := line[cut+len(hashKey) : len(line)-len(hashEnd)]; !bytes.Equal(stated, sum[:]) || r.Hash != string(stated) {
		return r, errHash
	}
	return r, nil
}
