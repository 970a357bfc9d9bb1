package lean

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
)

var errMessage = errors.New("not a message of HTTP/1.1")

// readMessage reads one HTTP/1.1 message and throws it away. It returns the seventh to tenth byte of the first line (where a
// response has its status and our requests have their version of Graph) and how long the body was.
func readMessage(br *bufio.Reader) (mark [4]byte, length int, err error) {
	line, err := br.ReadSlice('\n')
	if err != nil {
		return mark, 0, err
	}
	if len(line) < 14 {
		return mark, 0, errMessage
	}
	copy(mark[:], line[8:12])
	chunked := false
	for {
		if line, err = br.ReadSlice('\n'); err != nil {
			return mark, 0, fmt.Errorf("read head: %w", err)
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			length = number(value, 10)
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	if chunked {
		length, err = discardChunks(br)
		return mark, length, err
	}
	_, err = br.Discard(length)
	return mark, length, err
}

func discardChunks(br *bufio.Reader) (length int, err error) {
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return length, fmt.Errorf("read chunk: %w", err)
		}
		n := number(line, 16)
		if _, err := br.Discard(n + 2); err != nil {
			return length, err
		}
		if n == 0 {
			return length, nil
		}
		length += n
	}
}

// number reads the first number in b.
func number(b []byte, base int) int {
	n, seen := 0, false
	for _, c := range b {
		var d int
		switch {
		case c >= '0' && c <= '9':
			d = int(c - '0')
		case base == 16 && c >= 'a' && c <= 'f':
			d = int(c-'a') + 10
		case base == 16 && c >= 'A' && c <= 'F':
			d = int(c-'A') + 10
		case seen:
			return n
		default:
			continue
		}
		n, seen = n*base+d, true
	}
	return n
}
