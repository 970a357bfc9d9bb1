package tape

// The two headers of Graph's multi-admin approval. Their presence is part of a request's identity, their values never
// are: they differ each time.
const (
	justificationHeader = "X-Msft-Approval-Justification"
	codeHeader          = "X-Msft-Approval-Code"
)
