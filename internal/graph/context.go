package graph

import "context"

type contextKey struct{}

// NewContext returns ctx carrying q, so that what stands behind the interceptor works from the one reading of it.
func NewContext(ctx context.Context, q *Request) context.Context {
	return context.WithValue(ctx, contextKey{}, q)
}

// FromContext is the request that NewContext put into ctx, and whether there is one.
func FromContext(ctx context.Context) (*Request, bool) {
	q, ok := ctx.Value(contextKey{}).(*Request)
	return q, ok && q != nil
}
