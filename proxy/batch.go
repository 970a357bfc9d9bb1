package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// maxBatchAnswer bounds what is read of the origin's answer to a batch that has to be merged.
const maxBatchAnswer = 64 << 20

// editedBatch is what becomes of a batch in which a part was denied: either the proxy's own whole answer, or a smaller
// batch to send and the refusals to merge into its answer.
type editedBatch struct {
	answer  []byte
	request *graph.Request
	batch   *graph.Request
	denied  map[string]*graph.Refusal
}

// weighBatch puts the verdicts of a batch's parts together. Graph has no transaction, so by default one denied part stops
// the whole batch before anything is sent. The last verdict, if there is one more than parts, is that of the batch itself.
func (w *Warden) weighBatch(g *graph.Request, e *Exchange, verdicts []policy.Verdict) (string, *editedBatch, *graph.Refusal) {
	denied := map[string]*graph.Refusal{}
	worst := policy.Allow
	for i, v := range verdicts {
		found := violations(v)
		if i < len(g.Parts) {
			for j := range found {
				found[j].Pointer = "/requests/" + strconv.Itoa(i) + found[j].Pointer
			}
		}
		e.Violations = append(e.Violations, found...)
		switch v.Decision {
		case policy.Deny:
			worst = policy.Deny
			if i >= len(g.Parts) {
				if w.enforce == EnforceDeny {
					e.Verdict, e.Enforced = string(policy.Deny), true
					return "", nil, v.Refusal()
				}
				continue
			}
			denied[g.Parts[i].Batch.ID] = v.Refusal()
		case policy.Warn:
			if worst == policy.Allow {
				worst = policy.Warn
			}
		}
	}
	e.Verdict = string(worst)
	for _, part := range g.Parts {
		e.Targets = append(e.Targets, describe(part.Targets)...)
	}
	if len(denied) == 0 || w.enforce != EnforceDeny {
		return string(worst), nil, nil
	}
	e.Enforced = true
	e.Refusal, e.Message = string(graph.PolicyDenied), firstDenied(g, denied)
	if !w.settings.BatchPartial {
		return "", &editedBatch{answer: graph.BatchRefusal(g, denied)}, nil
	}
	ids := make(map[string]bool, len(denied))
	for id := range denied {
		ids[id] = true
	}
	body, dropped := graph.BatchWithout(g, ids)
	if len(dropped) == len(g.Parts) {
		return "", &editedBatch{answer: graph.BatchRefusal(g, denied)}, nil
	}
	smaller, err := g.WithBody(body, w.read)
	if err != nil {
		return "", nil, graph.Refuse(graph.InternalError, "the batch without its denied parts could not be written")
	}
	return string(policy.Allow), &editedBatch{request: smaller, batch: g, denied: denied}, nil
}

func firstDenied(g *graph.Request, denied map[string]*graph.Refusal) string {
	for _, part := range g.Parts {
		if r, ok := denied[part.Batch.ID]; ok {
			return "part " + part.Batch.ID + ": " + r.Message
		}
	}
	return ""
}

// response is the proxy's own answer to the whole batch.
func (b *editedBatch) response(r *http.Request) *http.Response {
	return jsonResponse(r, http.StatusOK, b.answer)
}

// merge puts the refusals of the denied parts into the origin's answer for the others.
func (b *editedBatch) merge(resp *http.Response) (*http.Response, error) {
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return resp, nil
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBatchAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer to batch: %w", err)
	}
	if answer, err = graph.DecodeBody(resp.Header.Get("Content-Encoding"), answer, maxBatchAnswer); err != nil {
		return nil, fmt.Errorf("decode answer to batch: %w", err)
	}
	merged, err := graph.MergeBatch(b.batch, answer, b.denied)
	if err != nil {
		return nil, err
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Set("Content-Length", strconv.Itoa(len(merged)))
	resp.ContentLength = int64(len(merged))
	resp.TransferEncoding = nil
	resp.Body = io.NopCloser(bytes.NewReader(merged))
	return resp, nil
}

func jsonResponse(r *http.Request, status int, body []byte) *http.Response {
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type":   {"application/json"},
			"Cache-Control":  {"no-store"},
			"Content-Length": {strconv.Itoa(len(body))},
		},
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)), Request: r,
	}
}
