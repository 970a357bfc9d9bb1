package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// PartRefusal is a part of a batch that is not answered by Graph, and what it is answered with.
type PartRefusal struct {
	ID      string
	Refusal *Refusal
}

// BatchOutcome lists the parts of a batch that are refused when those in denied are, in the order of the batch: the
// denied ones with their own refusal and, with 424, those that depend on one or, when the batch is stopped as a whole
// (partial is false), all others.
func BatchOutcome(batch *Request, denied map[string]*Refusal, partial bool) []PartRefusal {
	names := make(map[string]bool, len(denied))
	first := ""
	for _, p := range batch.Parts {
		if denied[p.Batch.ID] != nil {
			names[p.Batch.ID] = true
			if first == "" {
				first = p.Batch.ID
			}
		}
	}
	gone := withDependents(batch, names)
	var out []PartRefusal
	for _, p := range batch.Parts {
		id := p.Batch.ID
		switch {
		case denied[id] != nil:
			out = append(out, PartRefusal{id, denied[id]})
		case gone[id] != "":
			out = append(out, PartRefusal{id, Refuse(FailedDependency, "not sent: it depends on request %q, which was refused", clip(gone[id]))})
		case !partial && first != "":
			out = append(out, PartRefusal{id, Refuse(FailedDependency, "not sent: request %q of the same batch was refused, and a batch is sent as a whole or not at all; send this one by itself", clip(first))})
		}
	}
	return out
}

// withDependents maps every part of names, and every part that depends on one through any chain, to the part that
// brought it down.
func withDependents(batch *Request, names map[string]bool) map[string]string {
	gone := make(map[string]string, len(batch.Parts))
	for id, in := range names {
		if in {
			gone[id] = id
		}
	}
	for again := true; again; {
		again = false
		for _, p := range batch.Parts {
			if gone[p.Batch.ID] != "" {
				continue
			}
			for _, d := range p.Batch.DependsOn {
				if gone[d] != "" {
					gone[p.Batch.ID], again = d, true
					break
				}
			}
		}
	}
	return gone
}

// BatchRefusal is the body of the answer (status 200) to a batch that is stopped as a whole: each denied part has its
// refusal, each other part 424.
func BatchRefusal(batch *Request, denied map[string]*Refusal) []byte {
	b := []byte(`{"responses":[`)
	for i, pr := range BatchOutcome(batch, denied, false) {
		if i > 0 {
			b = append(b, ',')
		}
		b = batch.appendPart(b, pr)
	}
	return append(b, "]}"...)
}

func (q *Request) appendPart(b []byte, pr PartRefusal) []byte {
	meta := q.Meta()
	for _, p := range q.Parts {
		if p.Batch.ID == pr.ID {
			meta = p.Meta()
		}
	}
	b = appendText(append(b, `{"id":`...), pr.ID)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(pr.Refusal.Code.Status()), 10)
	b = append(b, `,"headers":{"Cache-Control":"no-store","Content-Type":"application/json"},"body":`...)
	b = pr.Refusal.appendBody(b, meta)
	return append(b, '}')
}

// BatchWithout is the body of the batch without the denied parts and without those that depend on them; dropped lists
// the ids left out, in the order of the batch. The body is nil when nothing is left to send.
func BatchWithout(batch *Request, denied map[string]bool) (body []byte, dropped []string) {
	gone := withDependents(batch, denied)
	outer, _ := batch.JSON.(map[string]any)
	v, _ := property(outer, "requests")
	all, _ := v.([]any)
	kept := make([]any, 0, len(all))
	for i, p := range batch.Parts {
		if gone[p.Batch.ID] != "" {
			dropped = append(dropped, p.Batch.ID)
		} else if i < len(all) {
			kept = append(kept, all[i])
		}
	}
	if len(kept) == 0 {
		return nil, dropped
	}
	return AppendCanonical(nil, map[string]any{"requests": kept}), dropped
}

// MergeBatch completes Graph's answer to what BatchWithout left: the refusals of the denied parts and of their
// dependents join the responses, in the order of the batch. Graph's own responses keep their bytes.
func MergeBatch(batch *Request, originBody []byte, denied map[string]*Refusal) ([]byte, error) {
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(originBody, &outer); err != nil {
		return nil, fmt.Errorf("read the batch answer: %w", err)
	}
	var responses []json.RawMessage
	if err := json.Unmarshal(outer["responses"], &responses); err != nil {
		return nil, fmt.Errorf("read the responses of the batch answer: %w", err)
	}
	byID := make(map[string]json.RawMessage, len(responses))
	for i, r := range responses {
		var head struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(r, &head); err != nil {
			return nil, fmt.Errorf("read response %d of the batch answer: %w", i, err)
		}
		byID[fold(head.ID)] = r
	}
	refused := make(map[string]PartRefusal, len(denied))
	for _, pr := range BatchOutcome(batch, denied, true) {
		refused[pr.ID] = pr
	}
	b := []byte{'['}
	for _, p := range batch.Parts {
		pr, isRefused := refused[p.Batch.ID]
		r, answered := byID[fold(p.Batch.ID)]
		if !isRefused && !answered {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		if isRefused {
			b = batch.appendPart(b, pr)
		} else {
			b = append(b, r...)
		}
	}
	outer["responses"] = append(b, ']')
	return appendRaw(nil, outer), nil
}

// appendRaw writes an object of raw values. json.Marshal would rewrite the values (it escapes <, > and &).
func appendRaw(b []byte, m map[string]json.RawMessage) []byte {
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i == 0 {
			b = append(b, '{')
		} else {
			b = append(b, ',')
		}
		b = append(append(appendText(b, name), ':'), m[name]...)
	}
	return append(b, '}')
}
