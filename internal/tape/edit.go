package tape

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// Merge makes one cassette of several: the interactions of the first, then those of each other that none before it has.
// Two are the same if they differ in nothing but id, sequence, time of recording and duration; a request that was recorded
// twice with the same answer on one cassette stays recorded twice. Ids and sequence are made anew.
func Merge(cassettes ...*Cassette) (*Cassette, error) {
	out := &Cassette{Format: 1, head: recordHead(""), tail: endMarker}
	have := map[string]int{}
	for _, c := range cassettes {
		seen := map[string]int{}
		for i := range c.items {
			x, err := c.At(i)
			if err != nil {
				return nil, fmt.Errorf("merge %s: %w", c.Path, err)
			}
			key := x.content()
			if seen[key]++; seen[key] > have[key] {
				have[key] = seen[key]
				y := *x
				out.Add(&y)
			}
		}
	}
	return out, out.renumber()
}

// content is all of an interaction that counts when two are compared.
func (x *Interaction) content() string {
	y := *x
	y.ID, y.Sequence, y.RecordedAt, y.Response.Duration = "", 0, time.Time{}, 0
	return string(y.appendYAML(nil))
}

// Select makes a cassette of the interactions that keep says yes to, such as those a run has used. Ids and sequence are
// made anew.
func Select(c *Cassette, keep func(i int, x *Interaction) bool) (*Cassette, error) {
	out := &Cassette{Format: 1, head: recordHead(""), tail: endMarker}
	for i := range c.items {
		x, err := c.At(i)
		if err != nil {
			return nil, fmt.Errorf("select from %s: %w", c.Path, err)
		}
		if keep(i, x) {
			y := *x
			out.Add(&y)
		}
	}
	return out, out.renumber()
}

// renumber gives every interaction its place and its id.
func (c *Cassette) renumber() error {
	k := newKeyers(Match{}, newRedactor(Redaction{}))
	equal := map[fingerprint]int{}
	for i := range c.items {
		x, err := c.At(i)
		if err != nil {
			return err
		}
		var v view
		raw := x.appendYAML(nil)
		if err := scan(raw, &v, nil, nil, nil); err != nil {
			return err
		}
		id, err := k.recorded(raw, &v)
		if err != nil {
			return err
		}
		key := keyWith(k, &id)
		equal[key]++
		x.Sequence, x.ID = i+1, numbered(key, equal[key])
		c.Set(i, x)
	}
	return nil
}

// numbered is the id of the nth equal request.
func numbered(key fingerprint, n int) string {
	if n == 1 {
		return key.id()
	}
	return key.id() + "-" + strconv.Itoa(n)
}

// format2 is an interaction as go-vcr v3 and v4 write it.
type format2 struct {
	ID      int `yaml:"id"`
	Request struct {
		Proto         string      `yaml:"proto"`
		ProtoMajor    int         `yaml:"proto_major"`
		ProtoMinor    int         `yaml:"proto_minor"`
		ContentLength int64       `yaml:"content_length"`
		Host          string      `yaml:"host"`
		Body          string      `yaml:"body,omitempty"`
		Form          url.Values  `yaml:"form,omitempty"`
		Headers       http.Header `yaml:"headers,omitempty"`
		URL           string      `yaml:"url"`
		Method        string      `yaml:"method"`
	} `yaml:"request"`
	Response struct {
		Proto         string      `yaml:"proto"`
		ProtoMajor    int         `yaml:"proto_major"`
		ProtoMinor    int         `yaml:"proto_minor"`
		ContentLength int64       `yaml:"content_length"`
		Body          string      `yaml:"body"`
		Headers       http.Header `yaml:"headers"`
		Status        string      `yaml:"status"`
		Code          int         `yaml:"code"`
		Duration      string      `yaml:"duration"`
	} `yaml:"response"`
}

// FormatTwo is the cassette in go-vcr's format 2, for its versions 3 and 4. Load reads it back; what only we record is
// lost, but for the body's encoding, which stays undone.
func (c *Cassette) FormatTwo() ([]byte, error) {
	doc := struct {
		Version      int       `yaml:"version"`
		Interactions []format2 `yaml:"interactions"`
	}{Version: 2, Interactions: make([]format2, len(c.items))}
	for i := range c.items {
		x, err := c.At(i)
		if err != nil {
			return nil, fmt.Errorf("convert %s: %w", c.Path, err)
		}
		u, err := url.Parse(x.Request.URL)
		if err != nil {
			return nil, fmt.Errorf("convert %s: interaction %d: %w", c.Path, i+1, err)
		}
		y := &doc.Interactions[i]
		y.ID = i
		r := &y.Request
		r.Proto, r.ProtoMajor, r.ProtoMinor, r.ContentLength, r.Host = "HTTP/1.1", 1, 1, int64(len(x.Request.Body)), u.Host
		r.Body, r.URL, r.Method, r.Headers = x.Request.Body, x.Request.URL, x.Request.Method, x.Request.Headers
		r.Form = u.Query()
		for name, values := range x.Request.Form {
			r.Form[name] = append(slices.Clone(values), r.Form[name]...)
		}
		s := &y.Response
		s.Proto, s.ProtoMajor, s.ProtoMinor, s.ContentLength = "HTTP/1.1", 1, 1, int64(len(x.Response.Body))
		s.Body, s.Headers, s.Status, s.Code = x.Response.Body, maps.Clone(x.Response.Headers), x.Response.Status, x.Response.Code
		s.Duration = x.Response.Duration.String()
	}
	out, err := yaml.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", c.Path, err)
	}
	return append([]byte("---\n"), out...), nil
}
