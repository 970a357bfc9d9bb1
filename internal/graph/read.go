package graph

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ReadOptions tune Read; the zero value works.
type ReadOptions struct {
	// Hosts are the names that count as Graph; the zero value is every known cloud.
	Hosts Hosts
	// MaxBody bounds a body, as sent and decoded; 0 means DefaultMaxBody.
	MaxBody int64
	// Now and NewID give the time and the name of an exchange; nil means the clock and a random UUID.
	Now   func() time.Time
	NewID func() string
	// Tokens remembers what was read of tokens; nil means that each is read anew.
	Tokens *Tokens
	// TakeHeader makes r's own header map the Request's, without the fields that end here, where Read otherwise leaves r
	// as it is and copies.
	TakeHeader bool
	// Bare leaves Operation, Targets and Token out of a request that is no batch, for whoever judges and tells nothing.
	Bare bool
	// CheckBody reads a body as strictly and leaves JSON out of a request that is no batch.
	CheckBody bool
}

// Read makes the one reading of r that everything behind works from. It takes a server's request in origin or
// absolute form, or a client's with its URL, reads the body to its end and refuses whatever Graph might read in another
// way than we do: an error is a *Refusal, ready to be sent. r itself is left as it was but for its body, and for its header
// if the options say so.
func Read(r *http.Request, conn Connection, o ReadOptions) (*Request, error) {
	q := &Request{Method: r.Method, Connection: conn}
	if o.Now != nil {
		q.Time = o.Now()
	} else {
		q.Time = time.Now()
	}
	if o.NewID != nil {
		q.ID = o.NewID()
	} else {
		q.ID = newID()
	}
	// A typed nil must not become an error, hence the explicit steps.
	if refusal := q.read(r, o); refusal != nil {
		return nil, refusal
	}
	return q, nil
}

func (q *Request) read(r *http.Request, o ReadOptions) *Refusal {
	if refusal := checkMethod(q.Method); refusal != nil {
		return refusal
	}
	if refusal := q.readAuthority(r, o.Hosts); refusal != nil {
		return refusal
	}
	encodings, refusal := q.readHeader(r, o.TakeHeader)
	if refusal != nil {
		return refusal
	}
	if refusal := q.readTarget(q.RawTarget); refusal != nil {
		return refusal
	}
	limit := o.MaxBody
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	if isRead(q.Method) && r.ContentLength > 0 {
		return bodyOnRead(q.Method)
	}
	if q.Body, refusal = readBody(r, encodings, limit); refusal != nil {
		return refusal
	}
	if isRead(q.Method) && q.Body != nil {
		return bodyOnRead(q.Method)
	}
	if refusal := q.interpret(!o.CheckBody || q.isBatch()); refusal != nil {
		return refusal
	}
	if !o.Bare || q.isBatch() {
		q.Token = o.Tokens.Read(q.Header)
		q.classify(o.Hosts)
	}
	return q.readBatch(o)
}

// checkMethod wants a verb of Graph's, in its exact case: Graph takes Patch for another verb than PATCH, net/http lets
// both through.
func checkMethod(method string) *Refusal {
	switch method {
	case "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE":
		return nil
	}
	return Refuse(MalformedRequest, "method %q is not one of GET, HEAD, OPTIONS, POST, PUT, PATCH and DELETE, in upper case: send one of these", clip(method))
}

func isRead(method string) bool {
	return method == "GET" || method == "HEAD" || method == "OPTIONS"
}

func bodyOnRead(method string) *Refusal {
	return Refuse(MalformedRequest, "a %s with a body: leave the body out", method)
}

// readAuthority finds scheme, host, port and raw target, and refuses a request whose parts name different servers.
func (q *Request) readAuthority(r *http.Request, hosts Hosts) *Refusal {
	q.RawTarget, q.Scheme = r.RequestURI, ""
	if r.URL != nil {
		if r.URL.User != nil {
			return Refuse(MalformedRequest, "a user name in the URL: leave it out")
		}
		q.Scheme = strings.ToLower(r.URL.Scheme)
		if q.RawTarget == "" {
			q.RawTarget = r.URL.RequestURI() // a client's request
		}
	}
	rest, absolute := q.RawTarget, false
	if !strings.HasPrefix(rest, "/") {
		if _, rest, absolute = strings.Cut(rest, "://"); !absolute {
			return Refuse(MalformedRequest, "request target %q: send a path, or an absolute URL", clip(q.RawTarget))
		}
		if end := strings.IndexAny(rest, "/?#"); end < 0 {
			q.RawTarget = "/"
		} else if q.RawTarget = rest[end:]; q.RawTarget[0] != '/' {
			q.RawTarget = "/" + q.RawTarget
		}
	}
	if q.Scheme == "" {
		q.Scheme = "http"
		if r.TLS != nil || q.Connection.ConnectHost != "" {
			q.Scheme = "https"
		}
	}
	if refusal := q.agree(r); refusal != nil {
		return refusal
	}
	if _, ok := hosts.Cloud(q.Host); ok && q.Scheme != "https" {
		return Refuse(MalformedRequest, "%s in plain %s: use https", q.Host, clip(q.Scheme))
	}
	return nil
}

// agree wants one server: CONNECT authority, SNI, Host and URL must be equal once normalised.
func (q *Request) agree(r *http.Request) *Refusal {
	standard := 443
	if q.Scheme == "http" {
		standard = 80
	}
	claims := [...]struct{ name, authority string }{
		{"the URL", ""}, {"the Host header", r.Host}, {"CONNECT", q.Connection.ConnectHost}, {"the TLS server name", q.Connection.SNI},
	}
	if r.URL != nil {
		claims[0].authority = r.URL.Host
	}
	from := ""
	for _, c := range claims {
		if c.authority == "" {
			continue
		}
		host, port, ok := splitAuthority(c.authority, standard)
		if !ok {
			return Refuse(MalformedRequest, "%s names %q, which is no host: send a host name", c.name, clip(c.authority))
		}
		switch c.name {
		case "CONNECT":
			if q.Connection.ConnectPort != 0 {
				port = q.Connection.ConnectPort
			}
		case "the TLS server name":
			port = q.Port // a server name has none
		}
		switch {
		case from == "":
			q.Host, q.Port, from = host, port, c.name
		case host != q.Host || port != q.Port:
			return Refuse(MisdirectedRequest, "%s names %s, %s names %s: address one server", from, clip(join(q.Host, q.Port)), c.name, clip(join(host, port)))
		}
	}
	if from == "" {
		return Refuse(MalformedRequest, "no host: send a Host header")
	}
	return nil
}

func join(host string, port int) string { return host + ":" + strconv.Itoa(port) }

// splitAuthority normalises host[:port]: lower case, one trailing dot dropped.
func splitAuthority(a string, standard int) (host string, port int, ok bool) {
	host, port = a, standard
	if strings.HasPrefix(a, "[") { // an IPv6 literal
		end := strings.IndexByte(a, ']')
		if end < 0 {
			return "", 0, false
		}
		host = a[:end+1]
		a = a[end+1:]
		if a != "" && a[0] != ':' {
			return "", 0, false
		}
	} else if colon := strings.IndexByte(a, ':'); colon >= 0 {
		host, a = a[:colon], a[colon:]
	} else {
		a = ""
	}
	if len(a) > 1 {
		n, err := strconv.ParseUint(a[1:], 10, 16)
		if err != nil || n == 0 {
			return "", 0, false
		}
		port = int(n)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || strings.ContainsAny(host, "@/\\%?# \t") {
		return "", 0, false
	}
	return host, port, true
}

// readTarget finds the normal form of the target. A read may have none and pass: it changes nothing, and some drive
// paths are like that.
func (q *Request) readTarget(raw string) *Refusal {
	p, err := ParsePath(raw)
	if err == nil {
		q.Path = p
		return nil
	}
	if isRead(q.Method) {
		q.Path = RawPath(raw)
		return nil
	}
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal
	}
	return Refuse(MalformedRequest, "%v", err)
}

// classify finds what q does to assignments, and to whom.
func (q *Request) classify(hosts Hosts) {
	q.Operation = Classify(q.Method, q.Path)
	if q.Operation.Cloud == "" {
		q.Operation.Cloud, _ = hosts.Cloud(q.Host)
	}
	if isRead(q.Method) {
		return
	}
	if k := q.Operation.Kind; q.JSON != nil && (k == KindOther || k == KindIndirectAssignment) {
		if child, ok := embedded(q.Path, q.JSON); ok {
			q.Operation = q.embed(child)
		}
	}
	q.Targets = Targets(q.Path.Version, q.Operation, q.JSON)
}

// newID is a random UUID (version 4). It names and protects nothing, so the runtime's own generator, seeded by the system,
// will do; it spares a system call for each request.
func newID() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:36], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}
