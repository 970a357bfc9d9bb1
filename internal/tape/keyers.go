package tape

import (
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// keyers turns requests, live or recorded, into identities and lends out keyers.
type keyers struct {
	match  Match
	redact *redactor
	pool   sync.Pool
}

func newKeyers(m Match, r *redactor) *keyers {
	k := &keyers{match: m, redact: r}
	k.pool.New = func() any { return newKeyer(m) }
	return k
}

func (k *keyers) get() *keyer  { return k.pool.Get().(*keyer) }
func (k *keyers) put(x *keyer) { k.pool.Put(x) }

// live is the identity of a request that was just read.
func (k *keyers) live(q *graph.Request) identity {
	host := q.Host
	if q.Port != 0 && q.Port != 443 && q.Scheme != "http" || q.Port != 80 && q.Port != 0 && q.Scheme == "http" {
		host += ":" + strconv.Itoa(q.Port)
	}
	id := identity{
		method:    q.Method,
		host:      host,
		target:    k.redact.url(q.Path.Target()),
		body:      string(k.redact.body(q.Body)),
		justified: len(q.Header[justificationHeader]) > 0,
		coded:     len(q.Header[codeHeader]) > 0,
	}
	if v := q.Header[ifMatchHeader]; len(v) > 0 {
		id.ifMatch = string(k.redact.text([]byte(v[len(v)-1]), ""))
	}
	if v := q.Header[ifNoneMatchHeader]; len(v) > 0 {
		id.ifNoneMatch = string(k.redact.text([]byte(v[len(v)-1]), ""))
	}
	if k.redact.pseudonyms != nil {
		id.target = canonicalTarget(id.target) // the query is sorted by what is looked up
	}
	if len(k.match.Headers) > 0 {
		id.header = q.Header
	}
	return id
}

// recorded is the identity of a request on a cassette. It goes through the same redaction and normal form as a live
// one: another tool may have written it.
func (k *keyers) recorded(raw []byte, v *view) (identity, error) {
	method, err := v.method.text()
	if err != nil {
		return identity{}, err
	}
	url, err := v.url.text()
	if err != nil {
		return identity{}, err
	}
	body, err := v.reqBody.text()
	if err != nil {
		return identity{}, err
	}
	host, target := locate(string(url))
	id := identity{method: strings.ToUpper(string(method)), host: host, target: k.redact.url(target),
		body: string(k.redact.body(body)), justified: v.justified, coded: v.coded}
	for _, condition := range [...]struct {
		v   value
		dst *string
	}{{v.ifMatch, &id.ifMatch}, {v.ifNoneMatch, &id.ifNoneMatch}} {
		if len(condition.v.raw) > 0 {
			text, err := condition.v.text()
			if err != nil {
				return id, err
			}
			*condition.dst = string(k.redact.text(text, ""))
		}
	}
	if len(k.match.Headers) > 0 {
		id.header = http.Header{}
		err = scan(raw, &view{}, func(name []byte, v value) error {
			text, err := v.text()
			if v.kind != emptyList {
				id.header.Add(string(name), string(text))
			}
			return err
		}, nil, nil)
	}
	return id, err
}
