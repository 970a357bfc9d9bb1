package tape

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"
)

// formatTwoOwn is what an interaction of format 2 has and one of format 1 has not.
type formatTwoOwn struct {
	ID       any            `yaml:"id"`
	Request  map[string]any `yaml:"request"`
	Response map[string]any `yaml:"response"`
}

// formatOneKeys are those that format 1 has as well. The form is among them, though format 2 counts the query to it.
var formatOneKeys = []string{"body", "headers", "url", "method", "status", "code", "duration"}

// writeFormatTwo is the cassette in format 2. What that has no place for goes into a second document.
func writeFormatTwo(c *Cassette) ([]byte, error) {
	if c.Format == 2 { // read without Import
		return c.Bytes(), nil
	}
	text, err := c.FormatTwo()
	if err != nil {
		return nil, err
	}
	was := secondOf(c.tail)
	if len(was.Format2) == c.Len() && c.Len() > 0 {
		return formatTwoAgain(text, was)
	}
	s := second{Variables: was.Variables, Kept: &secondKept{keptFile: keepFile(c)}}
	one, err := parse(text, nil)
	if err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	err = c.each(func(i int, x *Interaction) error {
		k := keep(x)
		k.settle(x, func() (*Interaction, error) {
			y, err := one.At(i)
			if err != nil {
				return nil, err
			}
			z := *y
			return k.restore(&z)
		})
		s.Kept.Interactions = append(s.Kept.Interactions, k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return append(text, s.tail()...), nil
}

// formatTwoAgain makes a file of format 2 that once was converted to format 1 what it was.
func formatTwoAgain(text []byte, was second) ([]byte, error) {
	var doc struct {
		Version      int
		Interactions []formatTwoOwn
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	for i := range doc.Interactions {
		x, own := &doc.Interactions[i], was.Format2[i]
		x.ID = own.ID
		x.Request, x.Response = merged(x.Request, own.Request), merged(x.Response, own.Response)
	}
	out, err := yaml.Marshal(map[string]any{"version": 2, "interactions": doc.Interactions})
	if err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	out = append([]byte("---\n"), out...)
	if len(was.Variables) > 0 {
		out = append(out, second{Variables: was.Variables}.tail()...)
	}
	return out, nil
}

// merged are the keys that format 1 has as well from one, all others from two.
func merged(one, two map[string]any) map[string]any {
	out := maps.Clone(two)
	if out == nil {
		out = map[string]any{}
	}
	for _, key := range formatOneKeys {
		if v, ok := one[key]; ok {
			out[key] = v
		}
	}
	return out
}

// fromFormatTwo makes a cassette of format 1.
func fromFormatTwo(c *Cassette) (*Cassette, error) {
	tail := c.tail
	if len(tail) == 0 {
		if i := bytes.LastIndex(c.original, []byte("\n---\n")); i >= 0 {
			tail = c.original[i+1:]
		}
	}
	s := secondOf(tail)
	if k := s.Kept; k != nil && len(k.Interactions) == c.Len() {
		out := k.newCassette()
		return out, c.each(func(i int, x *Interaction) error {
			y := *x
			z, err := k.Interactions[i].restore(&y)
			if err == nil {
				out.Add(z)
			}
			return err
		})
	}
	var doc struct{ Interactions []formatTwoOwn }
	if err := yaml.NewDecoder(bytes.NewReader(c.original)).Decode(&doc); err != nil {
		return nil, fmt.Errorf("read format 2: %w", err)
	}
	for i := range doc.Interactions {
		for _, m := range []map[string]any{doc.Interactions[i].Request, doc.Interactions[i].Response} {
			maps.DeleteFunc(m, func(key string, _ any) bool { return slices.Contains(formatOneKeys, key) })
		}
	}
	out := (*keptFile)(nil).newCassette()
	out.tail = second{Variables: s.Variables, Format2: doc.Interactions}.tail()
	err := c.each(func(_ int, x *Interaction) error {
		y := *x
		y.ID, y.extra = "", nil
		out.Add(&y)
		return nil
	})
	if err == nil {
		err = out.renumber()
	}
	return out, err
}
