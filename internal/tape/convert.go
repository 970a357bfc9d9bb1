package tape

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Format is a file format that cassettes are converted from and to.
type Format string

// The formats.
const (
	GoVCR1 Format = "go-vcr-v1" // ours, and that of go-vcr v1 and v2
	GoVCR2 Format = "go-vcr-v2" // of go-vcr v3 and v4
	HAR    Format = "har"       // HTTP archive 1.2
	Azure  Format = "azure"     // of the Azure SDKs' test proxy
)

// Formats are all of them.
func Formats() []Format { return []Format{GoVCR1, GoVCR2, HAR, Azure} }

// Import reads a file in any of the formats and tells which. What a HAR or an Azure recording of another program holds is
// redacted as a recording would be: such files are full of tokens.
func Import(path string) (*Cassette, Format, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("import: %w", err)
	}
	c, from, err := importBytes(data)
	if err != nil {
		return nil, "", fmt.Errorf("import %s: %w", path, err)
	}
	c.Path = path
	return c, from, nil
}

func importBytes(data []byte) (*Cassette, Format, error) {
	var probe struct {
		Log     json.RawMessage
		Entries json.RawMessage
	}
	if trimmed := bytes.TrimLeft(data, " \t\r\n\ufeff"); len(trimmed) > 0 && trimmed[0] == '{' && json.Unmarshal(trimmed, &probe) == nil {
		switch {
		case len(probe.Log) > 0:
			c, err := readHAR(trimmed)
			return c, HAR, err
		case len(probe.Entries) > 0:
			c, err := readAzure(trimmed)
			return c, Azure, err
		}
	}
	c, err := parse(data, nil)
	if err != nil {
		return nil, "", err
	}
	if c.Format == 2 {
		c, err = readForeign(data, formatTwo{})
		return c, GoVCR2, err
	}
	return c, GoVCR1, nil
}

// Convert writes the cassette in a format. Import reads back from it what was there: what a format has no place for goes
// into a field or a second document of its own, which other programs pass over.
func Convert(c *Cassette, to Format) ([]byte, error) {
	switch to {
	case GoVCR1:
		if c.Format == 2 { // read without Import
			two, err := readForeign(c.Bytes(), formatTwo{})
			if err != nil {
				return nil, fmt.Errorf("convert %s: %w", cmp.Or(c.Path, "cassette"), err)
			}
			return two.Bytes(), nil
		}
		return c.Bytes(), nil
	case GoVCR2:
		return c.FormatTwo()
	case HAR:
		return writeHAR(c)
	case Azure:
		return writeAzure(c)
	}
	return nil, fmt.Errorf("convert: unknown format %q", to)
}

// kept is what of an interaction another format has no place for.
type kept struct {
	ID         string              `json:"id,omitempty" yaml:"id,omitempty"`
	Sequence   int                 `json:"sequence,omitempty" yaml:"sequence,omitempty"`
	RecordedAt string              `json:"recorded_at,omitempty" yaml:"recorded_at,omitempty"`
	Verdict    string              `json:"verdict,omitempty" yaml:"verdict,omitempty"`
	Encoding   string              `json:"encoding,omitempty" yaml:"encoding,omitempty"`
	Status     string              `json:"status,omitempty" yaml:"status,omitempty"`
	Duration   string              `json:"duration,omitempty" yaml:"duration,omitempty"`
	Form       map[string][]string `json:"form,omitempty" yaml:"form,omitempty"`
	Extra      verbatim            `json:"extra,omitempty" yaml:"extra,omitempty"`
	// Exact is the whole interaction as it stands on a cassette, where the format would change some of it: a JSON body
	// with spaces in it, a header without a value.
	Exact verbatim `json:"exact,omitempty" yaml:"exact,omitempty"`
}

func keep(x *Interaction) kept {
	k := kept{ID: x.ID, Sequence: x.Sequence, Verdict: x.Verdict, Encoding: x.Encoding, Status: x.Response.Status,
		Duration: x.Response.Duration.String(), Form: x.Request.Form, Extra: verbatim(x.extra)}
	if !x.RecordedAt.IsZero() {
		k.RecordedAt = x.RecordedAt.UTC().Format(time.RFC3339Nano)
	}
	return k
}

// restore puts back what was kept; with Exact it is the whole interaction.
func (k *kept) restore(x *Interaction) (*Interaction, error) {
	if k.Exact != "" {
		return decode([]byte(k.Exact))
	}
	x.ID, x.Sequence, x.Verdict, x.Encoding, x.Request.Form = k.ID, k.Sequence, k.Verdict, k.Encoding, k.Form
	x.Response.Status, x.RecordedAt, x.extra = k.Status, time.Time{}, nil
	if k.Extra != "" {
		x.extra = []byte(k.Extra)
	}
	var err error
	if x.Response.Duration, err = time.ParseDuration(k.Duration); err != nil {
		return nil, fmt.Errorf("the kept duration %q is not one", k.Duration)
	}
	if k.RecordedAt != "" {
		if x.RecordedAt, err = time.Parse(time.RFC3339Nano, k.RecordedAt); err != nil {
			return nil, fmt.Errorf("the kept time %q is not one", k.RecordedAt)
		}
	}
	return x, nil
}

// keptFile is what of a file another format has no place for.
type keptFile struct {
	Head verbatim `json:"head,omitempty" yaml:"head,omitempty"`
	Tail verbatim `json:"tail,omitempty" yaml:"tail,omitempty"`
}

func keepFile(c *Cassette) keptFile {
	return keptFile{Head: verbatim(c.fileHead()), Tail: verbatim(c.tail)}
}

// newCassette is an empty cassette with the head and the tail that were kept, or those of a new recording.
func (k *keptFile) newCassette() *Cassette {
	c := &Cassette{Format: 1, head: recordHead(""), tail: endMarker}
	if k != nil && k.Head != "" {
		c.head, c.tail = []byte(k.Head), []byte(k.Tail)
	}
	return c
}

// each calls f for every interaction.
func (c *Cassette) each(f func(i int, x *Interaction) error) error {
	for i := range c.items {
		x, err := c.At(i)
		if err == nil {
			err = f(i, x)
		}
		if err != nil {
			return fmt.Errorf("convert %s: %w", cmp.Or(c.Path, "cassette"), err)
		}
	}
	return nil
}

// adopt makes a cassette of interactions that another program recorded: redacted, in the order of sending, numbered.
func (c *Cassette) adopt() (*Cassette, error) {
	if _, err := Scrub(c, Redaction{}); err != nil {
		return nil, err
	}
	list := make([]*Interaction, len(c.items))
	for i := range c.items {
		list[i], _ = c.At(i) // held in memory: it was added
	}
	slices.SortStableFunc(list, func(a, b *Interaction) int { return a.RecordedAt.Compare(b.RecordedAt) })
	out := (*keptFile)(nil).newCassette()
	out.tail = c.tail
	for _, x := range list {
		out.Add(x)
	}
	return out, out.renumber()
}

var errNoEntries = errors.New("it holds no finished exchange")
