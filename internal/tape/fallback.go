package tape

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// yamlInteraction is an interaction as the YAML library reads it: format 1, format 2, or JSON.
type yamlInteraction struct {
	ID         string `yaml:"id"`
	Sequence   string `yaml:"sequence"`
	RecordedAt string `yaml:"recorded_at"`
	Verdict    string `yaml:"verdict"`
	Encoding   string `yaml:"encoding"`
	Request    struct {
		Body    string              `yaml:"body"`
		Form    map[string][]string `yaml:"form"`
		Headers http.Header         `yaml:"headers"`
		URL     string              `yaml:"url"`
		Method  string              `yaml:"method"`
	} `yaml:"request"`
	Response struct {
		Body     string      `yaml:"body"`
		Headers  http.Header `yaml:"headers"`
		Status   string      `yaml:"status"`
		Code     string      `yaml:"code"`
		Duration string      `yaml:"duration"`
	} `yaml:"response"`
}

type yamlCassette struct {
	Version      int               `yaml:"version"`
	Interactions []yamlInteraction `yaml:"interactions"`
}

func (y *yamlInteraction) interaction() (*Interaction, error) {
	if y.Request.URL == "" || y.Request.Method == "" {
		return nil, errors.New("the request has no url or no method")
	}
	if y.Response.Duration == "" {
		y.Response.Duration = "0s"
	}
	x := &Interaction{ID: y.ID, Verdict: y.Verdict, Encoding: y.Encoding,
		Request:  Request{y.Request.Body, y.Request.Form, y.Request.Headers, y.Request.URL, y.Request.Method},
		Response: Response{Body: y.Response.Body, Headers: y.Response.Headers, Status: y.Response.Status},
	}
	return x, x.numbers(y.Response.Code, y.Sequence, y.RecordedAt, y.Response.Duration)
}

// parseItem reads one item of the list with the YAML library.
func parseItem(raw []byte) (*Interaction, error) {
	var list []yamlInteraction
	if err := yaml.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, errShape
	}
	return list[0].interaction()
}

// parseAny reads a whole cassette with the YAML library and lays it out in the canonical shape.
func parseAny(data []byte, visit *indexer) (*Cassette, error) {
	var y *yamlCassette
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&y); err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	switch {
	case y == nil:
		return nil, errors.New("the file holds no cassette (a null document)")
	case len(y.Interactions) == 0 && !bytes.Contains(data, []byte("[]")):
		return nil, errors.New("the file holds no cassette, or was cut: it has no interactions")
	case y.Version < 0 || y.Version > 2:
		return nil, fmt.Errorf("cassette format %d is not known, only 1 and 2 are", y.Version)
	}
	c := &Cassette{original: data, Format: max(y.Version, 1), head: []byte(plainHead), visit: visit}
	if notice := c.edited(); notice != "" {
		c.Notices = append(c.Notices, notice)
	}
	if visit != nil {
		visit.size(len(y.Interactions))
	}
	for i := range y.Interactions {
		x, err := y.Interactions[i].interaction()
		if err != nil {
			return nil, fmt.Errorf("interaction %d: %w", i+1, err)
		}
		c.items = append(c.items, span{})
		c.replace(i, x)
		y.Interactions[i] = yamlInteraction{} // its strings are in the data now
	}
	return c, nil
}

// parallel splits 0..n over the cores and waits.
func parallel(n int, f func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), n/256+1)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { f(n*w/workers, n*(w+1)/workers) })
	}
	wg.Wait()
}
