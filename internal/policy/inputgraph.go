package policy

import "github.com/graphwarden/graphwarden/internal/graph"

func idsInput(ids map[string]string) map[string]any {
	m := make(map[string]any, len(ids))
	for name, id := range ids {
		m[name] = id
	}
	return m
}

func targetsInput(targets []graph.Target) []any {
	values := make([]any, len(targets))
	for i := range targets {
		t := &targets[i]
		values[i] = map[string]any{
			"type":       t.Type,
			"odata_type": t.ODataType,
			"id":         orNull(t.ID),
			"filter":     map[string]any{"id": orNull(t.FilterID), "mode": filterMode(t)},
			"intent":     orNull(t.Intent),
			"pointer":    t.Pointer,
			"properties": list(t.Properties),
			"unexpected": list(t.Unexpected),
			"missing":    list(t.Missing),
		}
	}
	return values
}

func filterMode(t *graph.Target) string {
	if t.FilterMode == "" {
		return "none"
	}
	return t.FilterMode
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
