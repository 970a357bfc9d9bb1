package tape

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
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
	return string(appendID(nil, key, n))
}

func appendID(dst []byte, key fingerprint, n int) []byte {
	dst = hex.AppendEncode(dst, key[:8])
	if n == 1 {
		return dst
	}
	return strconv.AppendInt(append(dst, '-'), int64(n), 10)
}
