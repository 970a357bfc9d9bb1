package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// Body is a body that is at hand whole: that of a request that RoundTrip takes, and that of an answer that had come whole by
// the time its head was read.
type Body struct {
	b []byte
	i int
}

// NewBody is a Body of these bytes, which must not change as long as it is in use.
func NewBody(b []byte) *Body { return &Body{b: b} }

// BodyOf is NewBody for whoever has a place for it.
func BodyOf(b []byte) Body { return Body{b: b} }

// Bytes is all of it, what was read already included. It must not be changed.
func (b *Body) Bytes() []byte { return b.b }

// Len is the length of all of it.
func (b *Body) Len() int { return len(b.b) }

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if b.i == len(b.b) {
		return 0, io.EOF
	}
	n := copy(p, b.b[b.i:])
	b.i += n
	return n, nil
}

// WriteTo implements io.WriterTo.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	rest := b.b[b.i:]
	if len(rest) == 0 {
		return 0, nil
	}
	n, err := w.Write(rest)
	b.i += n
	return int64(n), err
}

// Close implements io.Closer.
func (b *Body) Close() error { return nil }

func bodyOf(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	b, ok := r.Body.(*Body)
	if !ok || b.Len() > MaxBody {
		return nil, errors.New("send a request: its body is not at hand, or too long")
	}
	return b.b, nil
}

// stream is the body of an answer that is still to come. Its connection is kept at its end, and ended when it is closed
// before.
type stream struct {
	io.ReadCloser
	k    *conn
	stop func() bool
	keep bool
	over bool
}

func (s *stream) Read(p []byte) (int, error) {
	if !s.over {
		s.k.extend()
	}
	n, err := s.ReadCloser.Read(p)
	if err != nil {
		s.finish(err == io.EOF)
	}
	return n, err
}

func (s *stream) Close() error {
	s.finish(false)
	return nil // what is left of the body goes with the connection
}

func (s *stream) finish(whole bool) {
	if s.over {
		return
	}
	s.over = true
	s.k.release(s.stop() && whole && s.keep)
}

// take gives an answer its body: whole if it is here already, so that the connection is free at once.
func (k *conn) take(resp *http.Response, stop func() bool) error {
	body := resp.Body
	keep := !resp.Close
	if _, done := body.(*Body); done {
		k.release(stop() && keep)
		return nil
	}
	whole := body == http.NoBody || resp.ContentLength == 0
	if !whole {
		here := k.here()
		whole = resp.ContentLength > 0 && int64(len(here)) >= resp.ContentLength ||
			resp.ContentLength < 0 && len(resp.TransferEncoding) > 0 && bytes.HasSuffix(here, endOfChunks)
	}
	if !whole {
		resp.Body = &stream{ReadCloser: body, k: k, stop: stop, keep: keep}
		return nil
	}
	switch {
	case body == http.NoBody:
	case resp.ContentLength >= 0:
		b := make([]byte, resp.ContentLength)
		_, _ = io.ReadFull(k.in, b) // they are here
		resp.Body = NewBody(b)
	default:
		b, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		resp.Body = NewBody(b)
	}
	k.release(stop() && keep)
	return nil
}
