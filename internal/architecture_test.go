// Package internal_test keeps the house in order: which of our packages may import which, and which of them is the door
// to an outside library. The table is the architecture; a change of it is a decision, not a detail.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/graphwarden/graphwarden"

// houses are our packages, each with those of ours it may import. Arrows point down only.
var houses = map[string][]string{
	"cmd/graphwarden": {"proxy", "policies", "cassettes", "internal/graph", "internal/policy", "internal/tape", "internal/ca",
		"internal/ledger", "internal/standin", "internal/console", "internal/config", "internal/check"},
	"proxy": {"policies", "internal/graph", "internal/policy", "internal/tape", "internal/wire", "internal/ca",
		"internal/ledger", "internal/standin", "internal/console", "internal/config"},
	"policies":         {},
	"internal/graph":   {},
	"internal/policy":  {"internal/graph", "policies"}, // policies is data: the embedded library
	"internal/tape":    {"internal/graph"},
	"internal/check":   {"internal/graph", "internal/policy", "internal/tape"}, // judges what was recorded, offline
	"internal/wire":    {},
	"internal/ca":      {},
	"internal/ledger":  {},
	"internal/standin": {"internal/graph"},
	"internal/console": {},
	"internal/config":  {},
	// bench measures the proxy, beside what others do with the same libraries; no other package may import it.
	"internal/bench": {"proxy", "internal/graph", "internal/tape"},
}

// doors are the outside libraries, each with the packages that may import it.
var doors = map[string][]string{
	"github.com/elazarl/goproxy":          {"proxy", "internal/bench"},
	"golang.org/x/net":                    {"proxy"},
	"github.com/open-policy-agent/opa":    {"internal/policy"},
	"github.com/dnaeon/go-vcr/v2":         {"internal/tape", "internal/bench"},
	"gopkg.in/dnaeon/go-vcr.v4":           {"internal/tape"},
	"github.com/smallstep/truststore":     {"internal/ca"},
	"software.sslmate.com/src/go-pkcs12":  {"internal/ca"},
	"github.com/prometheus/client_golang": {"internal/console"},
	"github.com/andybalholm/brotli":       {"internal/graph", "internal/tape"}, // requests, responses
	"github.com/klauspost/compress":       {"internal/graph", "internal/tape"},
	"gopkg.in/yaml.v3":                    {"internal/config", "internal/tape", "internal/policy"},
	"github.com/fsnotify/fsnotify":        {"internal/policy"},
	"golang.org/x/term":                   {"cmd/graphwarden"},
	"go.opentelemetry.io/otel":            {"cmd/graphwarden"},
	"go.opentelemetry.io/proto/otlp":      {"cmd/graphwarden"},
	"google.golang.org/protobuf":          {"cmd/graphwarden"},
	"golang.org/x/sys":                    {"internal/ca", "internal/tape", "internal/ledger"}, // the Windows store, file locks
	"github.com/google/go-cmp":            nil,                                                 // tests only
	"github.com/rogpeppe/go-internal":     nil,
}

// vague are names that tell nothing of what a package is.
var vague = []string{"util", "utils", "common", "helper", "helpers", "types", "models", "manager", "base", "misc"}

func TestImports(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for file, imports := range sources(t, "..") {
		house := houseOf(path.Dir(file))
		if house == "" {
			t.Errorf("%s: its package is in no row of the table", file)
			continue
		}
		seen[house] = true
		for _, imported := range imports {
			if fault := judge(house, imported); fault != "" {
				t.Errorf("%s: %s", file, fault)
			}
		}
	}
	for _, house := range []string{"cmd/graphwarden", "proxy", "internal/graph", "internal/config"} {
		if !seen[house] {
			t.Errorf("no file of %s was read", house)
		}
	}
}

// TestJudge shows that the table bites: each refusal beside an import like it that is allowed.
func TestJudge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		house, imported string
		allowed         bool
	}{
		{"proxy", "github.com/elazarl/goproxy", true},
		{"internal/tape", "github.com/elazarl/goproxy", false},
		{"internal/policy", "github.com/open-policy-agent/opa/v1/rego", true},
		{"cmd/graphwarden", "github.com/open-policy-agent/opa/v1/rego", false},
		{"internal/tape", module + "/internal/graph", true},
		{"internal/graph", module + "/internal/tape", false},
		{"internal/tape", module + "/internal/policy", false},
		{"internal/graph", module + "/internal/graph/internal/tables", true},
		{"proxy", module + "/internal/graph/internal/tables", false},
		{"internal/ca", "crypto/x509", true},
		{"internal/ca", "github.com/nobody/knows", false},
		{"internal/ca", "github.com/google/go-cmp/cmp", false},
	} {
		if got := judge(tt.house, tt.imported) == ""; got != tt.allowed {
			t.Errorf("%s importing %s: allowed is %v, want %v", tt.house, tt.imported, got, tt.allowed)
		}
	}
}

// TestArrowsPointDown looks for a cycle in the table itself.
func TestArrowsPointDown(t *testing.T) {
	t.Parallel()
	var visit func(house string, above []string)
	visit = func(house string, above []string) {
		if slices.Contains(above, house) {
			t.Fatalf("a cycle: %s", strings.Join(append(above, house), " -> "))
		}
		for _, below := range houses[house] {
			visit(below, append(above, house))
		}
	}
	for house := range houses {
		visit(house, nil)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for file := range sources(t, "..") {
		for part := range strings.SplitSeq(path.Dir(file), "/") {
			if slices.Contains(vague, part) {
				t.Errorf("%s: %q says nothing of what the package is", file, part)
			}
		}
	}
}

// judge says what is wrong with an import; nothing when it is allowed.
func judge(house, imported string) string {
	if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
		below := houseOf(ours)
		switch {
		case below == house:
			return ""
		case ours != below:
			return imported + " is the inside of " + below
		case !slices.Contains(houses[house], below):
			return house + " may not import " + below
		}
		return ""
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for _, library := range slices.Sorted(maps.Keys(doors)) {
		if imported == library || strings.HasPrefix(imported, library+"/") {
			if slices.Contains(doors[library], house) {
				return ""
			}
			return house + " is no door to " + library
		}
	}
	return imported + " is in no row of the table of outside libraries"
}

// houseOf is the row that a package belongs to: its own, or that of the package it is inside of.
func houseOf(pkg string) string {
	for pkg != "." && pkg != "/" {
		if _, ok := houses[pkg]; ok {
			return pkg
		}
		pkg = path.Dir(pkg)
	}
	return ""
}

// sources are the Go files that are no tests, by their path within the repository, each with what it imports.
func sources(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(name)), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		found[name] = []string{}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[name] = append(found[name], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
