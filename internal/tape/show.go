package tape

import "net/http"

// Shown takes the secrets out of what a person is about to see of an exchange that is not, or not yet, on a cassette. It
// is the redaction of a recording; only the Authorization field, which a recording keeps in a harmless form, goes too.
// It is safe for concurrent use.
type Shown struct{ r *redactor }

// NewShown returns the redaction for show.
func NewShown(o Redaction) *Shown { return &Shown{r: newRedactor(o)} }

// RequestHeader is what may be seen of a request's header.
func (s *Shown) RequestHeader(h http.Header) http.Header {
	out := s.r.requestHeader(h)
	delete(out, "Authorization")
	return out
}

// ResponseHeader is what may be seen of a response's header.
func (s *Shown) ResponseHeader(h http.Header) http.Header { return s.r.responseHeader(h) }

// Body is what may be seen of a body, or of the beginning of one. The argument is left as it is.
func (s *Shown) Body(b []byte) []byte { return s.r.body(b) }

// URL is what may be seen of a URL or a request target.
func (s *Shown) URL(u string) string { return s.r.url(u) }
