package tape

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
)

// The last line of a cassette is YAML's end marker with the SHA-256 of all bytes before it, in a comment. A file that was
// cut, or edited by somebody who does not know of it, gives itself away; go-vcr passes over it.
const (
	digestMark = "... # sha256:"
	digestLen  = 2 * sha256.Size
)

// seal appends the digest to the end marker a file ends with. One that ends otherwise stays as it is.
func seal(b []byte) []byte {
	if !endsMarked(b) {
		return b
	}
	b = b[:len(b)-len(endMarker)]
	sum := sha256.Sum256(b)
	return append(b, sealLine(sum[:])...)
}

func endsMarked(b []byte) bool {
	return bytes.HasSuffix(b, endMarker) && (len(b) == len(endMarker) || b[len(b)-len(endMarker)-1] == '\n')
}

func sealLine(sum []byte) []byte {
	line := append(make([]byte, 0, len(digestMark)+digestLen+1), digestMark...)
	return append(hex.AppendEncode(line, sum), '\n')
}

// unseal is a tail without the digest, and the digest; cut tells that there was more of it.
func unseal(tail []byte) (plain []byte, digest string, cut bool) {
	at := bytes.LastIndex(tail, []byte("\n...")) + 1
	line := tail[at:]
	if len(line) == 0 || line[0] != '.' {
		return tail, "", false
	}
	plain = append(append(make([]byte, 0, at+len(endMarker)), tail[:at]...), endMarker...)
	line = bytes.TrimRight(line, "\r\n")
	switch rest, ok := bytes.CutPrefix(line, []byte(digestMark)); {
	case string(line) == "...":
		return plain, "", false
	case ok && len(rest) == digestLen:
		return plain, string(rest), false
	case len(line) < len(digestMark) && bytes.HasPrefix([]byte(digestMark), line), ok && len(rest) < digestLen:
		return plain, "", true
	}
	return tail, "", false // something of another tool
}

// judge compares the file with its digest, on a core of its own, and returns a function that waits for what is to be told.
func (c *Cassette) judge() func() string {
	mine := bytes.Contains(c.head, []byte("\nrecorder: "))
	ended := endsMarked(c.tail)
	switch {
	case c.cut:
		return told("the last line was cut: the file is not whole")
	case !ended && mine && len(c.tail) > 0:
		return told("the file was cut behind its interactions")
	case c.digest == "" && mine && ended:
		return told("the digest is missing: another tool, or a person, has saved the file")
	case c.digest == "":
		return told("")
	}
	result := make(chan bool, 1)
	go func() {
		sum := sha256.Sum256(c.original[:bytes.LastIndex(c.original, []byte("\n..."))+1])
		result <- hex.EncodeToString(sum[:]) == c.digest
	}()
	return func() string {
		if <-result {
			return ""
		}
		return "the file was edited after it was recorded: its digest does not match"
	}
}

func told(notice string) func() string { return func() string { return notice } }

// edited tells of a file with a digest that is no longer in the canonical shape. That git has turned its line ends into
// those of Windows is no edit.
func (c *Cassette) edited() string {
	text := bytes.ReplaceAll(c.original, []byte("\r\n"), []byte("\n"))
	at := bytes.LastIndex(text, []byte("\n...")) + 1
	_, digest, cut := unseal(text[at:])
	sum := sha256.Sum256(text[:at])
	switch {
	case cut:
		return "the last line was cut: the file is not whole"
	case digest != "" && hex.EncodeToString(sum[:]) != digest:
		return "the file was edited after it was recorded: its digest does not match"
	}
	return ""
}
