package graph_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/graph"
)

func TestHostsCloud(t *testing.T) {
	t.Parallel()
	custom, err := graph.NewHosts("Graph.Example.COM.", "graph.microsoft.com", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		host, builtin, withExtra string
	}{
		{"graph.microsoft.com", "global", "global"},
		{"GRAPH.Microsoft.com", "global", "global"},
		{"graph.microsoft.com.", "global", "global"},
		{"graph.microsoft.com..", "", ""},
		{"graph.microsoft.us", "usgov-l4", "usgov-l4"},
		{"dod-graph.microsoft.us", "usgov-l5-dod", "usgov-l5-dod"},
		{"microsoftgraph.chinacloudapi.cn", "china-21vianet", "china-21vianet"},
		{"graph.microsoft.de", "germany-legacy", "germany-legacy"},
		{"graph.svc.sovcloud.fr", "bleu-france", "bleu-france"},
		{"graph.example.com", "", graph.CustomCloud},
		{"graph.example.com.", "", graph.CustomCloud},
		{"127.0.0.1", "", graph.CustomCloud},
		{"x.graph.microsoft.com", "", ""},
		{"graph.microsoft.com.evil.example", "", ""},
		{"login.microsoftonline.com", "", ""},
		{"graph.microsoft.com:443", "", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		if got, ok := (graph.Hosts{}).Cloud(tt.host); got != tt.builtin || ok != (tt.builtin != "") {
			t.Errorf("Hosts{}.Cloud(%q) = %q, %v; want %q", tt.host, got, ok, tt.builtin)
		}
		if got, ok := custom.Cloud(tt.host); got != tt.withExtra || ok != (tt.withExtra != "") {
			t.Errorf("with extra, Cloud(%q) = %q, %v; want %q", tt.host, got, ok, tt.withExtra)
		}
	}
	names := custom.Names()
	if len(names) != 12 || !slices.IsSorted(names) || !slices.Contains(names, "graph.example.com") {
		t.Errorf("Names() = %q; want 12 sorted names with the extra ones, the known one once", names)
	}
}

func TestNewHostsRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ".", "https://graph.example.com", "graph.example.com:443", "a/b", "a b", "*.example.com", "-a.example", "graph..example"} {
		if _, err := graph.NewHosts(name); err == nil {
			t.Errorf("NewHosts(%q) gave no error", name)
		}
	}
}

func TestAudiences(t *testing.T) {
	t.Parallel()
	tests := []struct {
		cloud string
		want  []string
	}{
		{"global", []string{"https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"}},
		{"bleu-france", []string{"https://graph.svc.sovcloud.fr"}},
		{graph.CustomCloud, nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, graph.Audiences(tt.cloud)); diff != "" {
			t.Errorf("Audiences(%q) (-want +got):\n%s", tt.cloud, diff)
		}
	}
}
