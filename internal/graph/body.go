package graph

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// DefaultMaxBody is Graph's own limit on a request body.
const DefaultMaxBody = 4 << 20

// firstBuffer is what a body is given before any of it has come: a length a client claims is not yet a reason to spend
// memory.
const firstBuffer = 16 << 10

// readBody reads the body of r, undoes its Content-Encoding and never holds more than limit bytes of either form. It
// returns nil for an empty body.
func readBody(r *http.Request, encodings []string, limit int64) ([]byte, *Refusal) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	encoding := "identity"
	switch len(encodings) {
	case 0:
	case 1:
		encoding = strings.ToLower(strings.TrimSpace(encodings[0]))
	default:
		return nil, stacked()
	}
	switch encoding {
	case "", "identity", "gzip", "x-gzip", "deflate", "br", "zstd":
	default:
		if strings.Contains(encoding, ",") {
			return nil, stacked()
		}
		return nil, Refuse(UnsupportedEncoding, "Content-Encoding %q cannot be read: send the body plain, or as gzip, deflate, br or zstd", clip(encoding))
	}
	var sent []byte
	var err error
	if whole, ok := r.Body.(interface{ Bytes() []byte }); ok { // it was read with its head
		sent = whole.Bytes()
	} else {
		sent, err = readBounded(r.Body, r.ContentLength, limit)
	}
	if err != nil {
		return nil, bodyRefusal(err, limit, "the body ended early or could not be read: send it whole, of the length announced")
	}
	if len(sent) == 0 {
		return nil, nil
	}
	if encoding == "" || encoding == "identity" {
		return sent, nil
	}
	plain, err := decode(sent, encoding, limit)
	if err != nil {
		return nil, bodyRefusal(err, limit, "the body is not the "+encoding+" its Content-Encoding announces: compress it again, or send it plain")
	}
	if len(plain) == 0 {
		return nil, nil
	}
	return plain, nil
}

func stacked() *Refusal {
	return Refuse(UnsupportedEncoding, "more than one Content-Encoding: apply at most one")
}

func tooLarge(limit int64) *Refusal {
	return Refuse(RequestTooLarge, "the body is over %d bytes, sent or decoded: split the request", limit)
}

var errTooLarge = errors.New("body over the limit")

func bodyRefusal(err error, limit int64, otherwise string) *Refusal {
	var byServer *http.MaxBytesError
	if errors.Is(err, errTooLarge) || errors.As(err, &byServer) {
		return tooLarge(limit)
	}
	return &Refusal{Code: MalformedRequest, Message: otherwise}
}

// readBounded reads r to its end, or stops one byte past limit.
func readBounded(r io.Reader, announced, limit int64) ([]byte, error) {
	size := int64(512)
	if announced >= 0 {
		size = min(announced, firstBuffer) + 1 // room to see the end without growing
	}
	b := make([]byte, 0, size)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return nil, errTooLarge
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// decode undoes one encoding. Bytes behind the end of the compressed stream are an error: another reader might take
// them for part of the body.
func decode(sent []byte, encoding string, limit int64) ([]byte, error) {
	in := bytes.NewReader(sent)
	var out io.Reader
	var err error
	switch encoding {
	case "gzip", "x-gzip":
		out, err = gzip.NewReader(in)
	case "deflate":
		// RFC 9110 8.4.1.2: deflate is the zlib format, but some clients send the raw stream.
		if len(sent) >= 2 && sent[0]&0x0f == 8 && (uint(sent[0])<<8|uint(sent[1]))%31 == 0 {
			out, err = zlib.NewReader(in)
		} else {
			out = flate.NewReader(in)
		}
	case "br":
		out = brotli.NewReader(in)
	case "zstd":
		// RFC 9659: a window over 8 MiB need not be supported; concurrency 1 decodes without goroutines.
		var d *zstd.Decoder
		d, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err == nil {
			defer d.Close()
			out = d
		}
	}
	if err != nil {
		return nil, err
	}
	plain, err := readBounded(out, -1, limit)
	if err != nil {
		return nil, err
	}
	if in.Len() > 0 {
		return nil, errors.New("data after the compressed stream")
	}
	return plain, nil
}

// media is what a Content-Type says about how to read a body.
type media struct {
	json, absent bool
}

// readMedia reads Content-Type. A charset other than UTF-8 is refused on JSON only, since nothing else is read.
func readMedia(h http.Header) (media, *Refusal) {
	values := h["Content-Type"]
	if len(values) == 0 || strings.TrimSpace(values[0]) == "" {
		return media{absent: true}, nil
	}
	if strings.EqualFold(values[0], "application/json") {
		return media{json: true}, nil
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return media{}, Refuse(MalformedRequest, "Content-Type %q cannot be read: send application/json", clip(values[0]))
	}
	if kind != "application/json" && !(strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) {
		return media{}, nil
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return media{}, Refuse(UnsupportedEncoding, "JSON in charset %q: send UTF-8", clip(charset))
	}
	return media{json: true}, nil
}

// interpret parses the body of q by its Content-Type; without keep it checks it only.
func (q *Request) interpret(keep bool) *Refusal {
	q.BodyState = BodyNone
	if len(q.Body) == 0 {
		return nil
	}
	kind, refusal := readMedia(q.Header)
	if refusal != nil {
		return refusal
	}
	q.BodyState = BodyOpaque
	if !kind.json && !kind.absent {
		return nil
	}
	v, err := parseJSON(q.Body, keep)
	switch {
	case err == nil:
		q.JSON, q.BodyState = v, BodyJSON
	case kind.json:
		return &Refusal{Code: MalformedRequest, Message: err.Error()}
	}
	return nil
}
