package standin

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// graphHosts are the hosts of every cloud: names on the certificate, and audiences of tokens.
var graphHosts = []string{
	"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn",
	"graph.svc.sovcloud.fr", "graph.svc.sovcloud.de", "graph.svc.sovcloud.sg", "graph.eaglex.ic.gov",
	"graph.microsoft.scloud", "graph.microsoft.de",
}

// graphApp is Graph's own application id, which tokens may name as audience.
const graphApp = "00000003-0000-0000-c000-000000000000"

// tokens remembers what was read of recent Authorization values: a client sends the same one with every request. The
// values stay in memory, and few of them.
type tokens struct {
	mu   sync.RWMutex
	read map[string]graph.Token
}

const maxTokens = 64

func (t *tokens) of(h http.Header) graph.Token {
	values := h["Authorization"]
	if len(values) != 1 {
		return graph.ReadToken(h)
	}
	t.mu.RLock()
	token, ok := t.read[values[0]]
	t.mu.RUnlock()
	if ok {
		return token
	}
	token = graph.ReadToken(h)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.read == nil || len(t.read) >= maxTokens {
		t.read = make(map[string]graph.Token)
	}
	t.read[values[0]] = token
	return token
}

// authenticate is what Graph's front does with a token before any service sees the request.
func authenticate(t graph.Token, now time.Time) *fault {
	switch {
	case !t.Present, slices.Contains(t.Anomalies, "empty"), slices.Contains(t.Anomalies, "not_bearer"):
		return unauthorised("Access token is empty.")
	case t.Format != "jwt":
		return unauthorised("CompactToken parsing failed with error code: 80049217")
	case !audienceIsGraph(t.Audience):
		return unauthorised("Access token validation failure. Invalid audience.")
	case t.Expires.IsZero() && slices.Contains(t.Anomalies, "bad_time"):
		return unauthorised("Access token validation failure.")
	case !t.Expires.IsZero() && now.After(t.Expires):
		return unauthorised("Lifetime validation failed, the token is expired.")
	}
	return nil
}

func audienceIsGraph(aud string) bool {
	if aud == graphApp {
		return true
	}
	host, ok := strings.CutPrefix(strings.TrimSuffix(aud, "/"), "https://")
	return ok && slices.Contains(graphHosts, host)
}

// authorise asks whether the token may do this here: by the row when the catalogue has one whose permissions are known,
// else by whatever opens a row at or below the node.
func authorise(t graph.Token, n *node, method string) *fault {
	accepted := n.grants
	if r := n.rows[method]; r != nil {
		if !r.known {
			return nil
		}
		accepted = grants{r.delegated, r.application}
	} else if method == "GET" && n.plain || accepted.delegated == nil && accepted.application == nil {
		return nil
	}
	held, needed := t.Scopes, accepted.delegated
	switch t.Type {
	case "application":
		held, needed = t.Roles, accepted.application
	case "personal":
		held = nil // no route that changes assignments is open to personal accounts
	}
	for _, have := range held {
		for _, want := range needed {
			if strings.EqualFold(have, want) || method == "GET" && strings.EqualFold(have, readScope(want)) {
				return nil
			}
		}
	}
	return forbidden(n.family, needed)
}

// readScope is the scope that suffices to read what scope may write.
func readScope(scope string) string { return strings.Replace(scope, ".ReadWrite.", ".Read.", 1) }
