package graph

import "fmt"

// NewID makes the name of an exchange: a random UUID.
func NewID() string { return newID() }

// WithBody is the request with another body, read as strictly as the first one was. The error is a *Refusal.
func (q *Request) WithBody(body []byte, o ReadOptions) (*Request, error) {
	edited := *q
	edited.Body, edited.JSON, edited.Parts, edited.Targets = body, nil, nil, nil
	if refusal := edited.interpret(true); refusal != nil {
		return nil, refusal
	}
	edited.classify(o.Hosts)
	if refusal := edited.readBatch(o); refusal != nil {
		return nil, refusal
	}
	return &edited, nil
}

// DecodeBody undoes one Content-Encoding of an answer, up to limit bytes.
func DecodeBody(encoding string, sent []byte, limit int64) ([]byte, error) {
	if encoding == "" {
		return sent, nil
	}
	body, err := decode(sent, encoding, limit)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", encoding, err)
	}
	return body, nil
}
