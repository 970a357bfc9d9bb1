package check_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/check"
	"github.com/graphwarden/graphwarden/internal/policy"
)

// TestSuggest proposes data from two requests, and shows that the data allows these and no third one.
func TestSuggest(t *testing.T) {
	t.Parallel()
	moded := func(group, filter, mode, claims string) string {
		return `{"method": "POST", "url": "` + assign + `", "token": ` + claims + `, "body": {"assignments": [{"target": {
			"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": "` + group + `",
			"deviceAndAppManagementAssignmentFilterId": "` + filter + `", "deviceAndAppManagementAssignmentFilterType": "` + mode + `"}}]}}`
	}
	request := func(group, filter, claims string) string { return moded(group, filter, "include", claims) }
	const a, b, other = "00000000-0000-4000-8000-00000000000A", "00000000-0000-4000-8000-00000000000b", "00000000-0000-4000-8000-00000000000c"
	dir := write(t, map[string]string{
		"seen/1.json":  request(a, b, claims),
		"seen/2.json":  request(b, b, claims),
		"seen/4.json":  moded(a, a, "exclude", claims),
		"seen/5.json":  moded(a, a, "include", claims),
		"flipped.json": moded(a, b, "exclude", claims),
		"seen/3.json":  `{"method": "GET", "url": "https://graph.microsoft.com/beta/me"}`,
		"group.json":   request(other, b, claims),
		"filter.json":  request(a, other, claims),
		"version.json": `{"method": "DELETE", "url": "https://graph.microsoft.com/beta/deviceManagement/configurationPolicies/p1/assignments/a1", "token": ` + claims + `}`,
	})
	var seen check.Seen
	for c, err := range (&check.Reader{Dir: dir}).Cases("seen") {
		if err != nil {
			t.Fatal(err)
		}
		seen.Add(c)
	}
	var data bytes.Buffer
	if err := seen.YAML(&data, "seen"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "suggested.yaml")
	if *update {
		if err := os.WriteFile(path, data.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), data.String()); diff != "" {
		t.Error(diff)
	}
	engine, err := policy.Load(t.Context(), policy.Options{Data: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, want string }{
		{"seen/1.json", ""}, {"seen/2.json", ""}, {"seen/4.json", ""}, {"seen/5.json", ""}, {"flipped.json", "filter.not_listed"},
		{"group.json", "group.not_allowed"}, {"filter.json", "filter.not_listed"}, {"version.json", "route.beta"},
	} {
		for c, err := range (&check.Reader{Dir: dir}).Cases(tt.name) {
			if err != nil {
				t.Fatal(err)
			}
			r, _ := check.Judge(t.Context(), engine, c)
			var denied []string
			for _, f := range r.Findings {
				if f.Level == policy.LevelDeny {
					denied = append(denied, f.ID)
				}
			}
			if got := strings.Join(denied, " "); got != tt.want {
				t.Errorf("%s: denied by %q, want %q", tt.name, got, tt.want)
			}
		}
	}
}
