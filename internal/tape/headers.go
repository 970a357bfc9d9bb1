package tape

// The two headers of Graph's multi-admin approval. Their presence is part of a request's identity, their values never
// are: they differ each time.
const (
	justificationHeader = "X-Msft-Approval-Justification"
	codeHeader          = "X-Msft-Approval-Code"
)

// The headers that make a request conditional. Their values are part of its identity where they are sent: the same change
// goes through with one ETag and fails with another.
const (
	ifMatchHeader     = "If-Match"
	ifNoneMatchHeader = "If-None-Match"
)
