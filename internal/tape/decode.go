package tape

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// decode reads an item in the canonical shape in full.
func decode(raw []byte) (*Interaction, error) {
	x := &Interaction{}
	x.Request.Headers, x.Response.Headers = http.Header{}, http.Header{}
	x.Request.Form = map[string][]string{}
	var v view
	if err := scan(raw, &v, fields(x.Request.Headers), fields(x.Response.Headers), fields(x.Request.Form)); err != nil {
		return nil, err
	}
	var code, sequence, at, duration string
	for _, f := range []struct {
		v   value
		dst *string
	}{
		{v.id, &x.ID}, {v.sequence, &sequence}, {v.recordedAt, &at}, {v.verdict, &x.Verdict}, {v.encoding, &x.Encoding},
		{v.reqBody, &x.Request.Body}, {v.url, &x.Request.URL}, {v.method, &x.Request.Method},
		{v.body, &x.Response.Body}, {v.status, &x.Response.Status}, {v.code, &code}, {v.duration, &duration},
	} {
		text, err := f.v.text()
		if err != nil {
			return nil, err
		}
		*f.dst = string(text)
	}
	x.extra = v.extra
	return x, x.numbers(code, sequence, at, duration)
}

// decodeAnswer reads what answers a request and leaves the request out.
func decodeAnswer(raw []byte) (*Interaction, error) {
	x := &Interaction{}
	x.Response.Headers = make(http.Header, 16)
	var v view
	whole := copied{raw, string(raw)}
	if err := scan(raw, &v, nil, lists(x.Response.Headers, whole.text), nil); err != nil {
		return nil, err
	}
	for _, f := range [...]struct {
		v   value
		dst *string
	}{{v.encoding, &x.Encoding}, {v.body, &x.Response.Body}, {v.status, &x.Response.Status}} {
		text, err := f.v.text()
		if err != nil {
			return nil, err
		}
		*f.dst = whole.text(text)
	}
	code, err := v.code.text()
	if err != nil {
		return nil, err
	}
	duration, err := v.duration.text()
	if err != nil {
		return nil, err
	}
	return x, x.numbers(whole.text(code), "", "", whole.text(duration))
}

// usualNames are the header names that nearly every interaction has, so that reading one need not make them anew.
var usualNames = func() map[string]string {
	names := map[string]string{}
	for name := range strings.FieldsSeq(keptOfRequests + " " + keptOfResponses) {
		names[name] = name
	}
	return names
}()

// copied is a text with one copy of it, from which all strings that stand in it as they are can be cut.
type copied struct {
	raw   []byte
	whole string
}

// text is b as a string, b being a part of raw or a text of its own.
func (c copied) text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	at := cap(c.raw) - cap(b)
	if at < 0 || at+len(b) > len(c.raw) || &c.raw[at] != &b[0] {
		return string(b)
	}
	return c.whole[at : at+len(b)]
}

// fields collects lists of values by name.
func fields(m map[string][]string) func([]byte, value) error {
	return lists(m, func(text []byte) string { return string(text) })
}

// lists is fields with its own way to make strings. Lists of one, which nearly all are, are cut from a common array.
func lists(m map[string][]string, made func([]byte) string) func([]byte, value) error {
	var common []string
	return func(name []byte, v value) error {
		key, ok := usualNames[string(name)]
		if !ok {
			key = string(name)
		}
		if v.kind == emptyList {
			m[key] = []string{}
			return nil
		}
		text, err := v.text()
		if err != nil {
			return err
		}
		if list := m[key]; list != nil {
			m[key] = append(list, made(text))
			return nil
		}
		if common == nil {
			common = make([]string, 0, 14)
		}
		common = append(common, made(text))
		n := len(common)
		m[key] = common[n-1 : n : n]
		return nil
	}
}

func (x *Interaction) numbers(code, sequence, at, duration string) (err error) {
	if x.Response.Code, err = strconv.Atoi(code); err != nil {
		return fmt.Errorf("response code %q is not a number", code)
	}
	if x.Response.Duration, err = time.ParseDuration(duration); err != nil {
		return fmt.Errorf("response duration %q is not a duration", duration)
	}
	if sequence != "" {
		if x.Sequence, err = strconv.Atoi(sequence); err != nil {
			return fmt.Errorf("sequence %q is not a number", sequence)
		}
	}
	if at != "" {
		if x.RecordedAt, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return fmt.Errorf("recorded_at %q is not a time", at)
		}
	}
	return nil
}
