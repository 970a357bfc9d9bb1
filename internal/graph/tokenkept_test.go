package graph_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// TestTokens holds that what is remembered is what would be read, for tokens that share a slot and for odd headers too.
func TestTokens(t *testing.T) {
	t.Parallel()
	var headers []http.Header
	for i := range 300 {
		token := graph.MintToken(map[string]any{"tid": "t", "oid": strconv.Itoa(i), "scp": "A.Read B.Write"}, graph.TokenMinted)
		headers = append(headers, http.Header{"Authorization": {"Bearer " + token}})
	}
	first := headers[0].Get("Authorization")
	headers = append(headers,
		http.Header{}, http.Header{"Authorization": {}}, http.Header{"Authorization": {""}}, http.Header{"Authorization": {"Basic x"}},
		http.Header{"Authorization": {first, first}}, http.Header{"Authorization": {strings.ToLower(first)}},
		http.Header{"Authorization": {"Bearer " + strings.Repeat("x", 20<<10)}},
	)
	var kept graph.Tokens
	var redacted graph.RedactedTokens
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 3 {
				for i, h := range headers {
					if diff := cmp.Diff(graph.ReadToken(h), kept.Read(h)); diff != "" {
						t.Errorf("header %d: read (-) and remembered (+) differ:\n%s", i, diff)
					}
					value := h.Get("Authorization")
					if want, got := graph.RedactToken(value), redacted.Redact(value); got != want {
						t.Errorf("header %d is redacted to %q, remembered %q", i, want, got)
					}
				}
			}
		})
	}
	all.Wait()
	one := kept.Read(headers[0])
	one.Anomalies = append(one.Anomalies, "of a caller's own")
	if diff := cmp.Diff(graph.ReadToken(headers[0]), kept.Read(headers[0])); diff != "" {
		t.Errorf("a caller's append is remembered:\n%s", diff)
	}
	var none *graph.Tokens
	if diff := cmp.Diff(graph.ReadToken(headers[0]), none.Read(headers[0])); diff != "" {
		t.Errorf("nil remembers nothing but must read:\n%s", diff)
	}
}

func BenchmarkTokensRead(b *testing.B) {
	h := http.Header{"Authorization": {"Bearer " + graph.MintToken(map[string]any{
		"tid": "5d1a3b7c-0000-4000-8000-000000000001", "oid": "5d1a3b7c-0000-4000-8000-000000000003",
		"scp": "DeviceManagementConfiguration.ReadWrite.All", "pad": strings.Repeat("x", 600),
	}, graph.TokenMinted)}}
	var kept graph.Tokens
	b.ReportAllocs()
	for b.Loop() {
		kept.Read(h)
	}
}
