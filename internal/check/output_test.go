package check_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/check"
	"github.com/graphwarden/graphwarden/internal/policy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func indented(t testing.TB, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

// report has one of each: denied, warned, allowed, not judged; and characters that each form must escape in its own way.
func report() *check.Report {
	finding := func(line int, level, id, message, pointer, fix string) check.Finding {
		return check.Finding{Line: line, Violation: policy.Violation{ID: id, Level: level, Message: message, Pointer: pointer, Fix: fix}}
	}
	r := &check.Report{Rules: []policy.Rule{
		{ID: "scope.missing", Title: "The scope", Description: "Is there.", Default: "deny", Level: "deny"},
		{ID: "target.broad", Title: "Not everybody", Default: "off", Level: "warn"},
	}}
	r.Add(check.Result{File: "dir/a b.yaml", Line: 5, Index: 1, Method: "POST", URL: "https://graph.microsoft.com/beta/x/assign?$a=1", Decision: "deny", Findings: []check.Finding{
		finding(7, "deny", "scope.missing", "100% <missing>, \"said\" a & b", "/token/scopes", "Ask: now"),
		finding(6, "audit", "header.client_request_id", "no id", "/request/client_request_id", ""),
	}})
	r.Add(check.Result{File: "dir/a b.yaml", Line: 25, Index: 2, Method: "PATCH", URL: "https://graph.microsoft.com/beta/x/1", Decision: "warn", Findings: []check.Finding{
		finding(30, "warn", "target.broad", "everybody\nand \x1b[31mmore\x00.", "/request/body/target", ""),
	}})
	r.Add(check.Result{File: "b.har", Line: 1, Index: 1, Method: "DELETE", URL: "https://graph.microsoft.com/beta/x/1", Decision: "allow", Findings: []check.Finding{}})
	r.Add(check.Result{File: "b.har", Line: 0, Index: 2, Method: "DELETE", URL: "https://graph.microsoft.com/beta/x/2", Decision: "deny", Findings: []check.Finding{}, Error: "evaluation took too long"})
	r.Summary.Files, r.Summary.Requests = 2, 9
	return r
}

func TestOutput(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(io.Writer) error{
		"report.txt":   func(w io.Writer) error { return report().Text(w, func(s string) string { return s }) },
		"report.json":  func(w io.Writer) error { return report().JSON(w) },
		"report.xml":   func(w io.Writer) error { return report().JUnit(w) },
		"report.sarif": func(w io.Writer) error { return report().SARIF(w, "1.2.3") },
		"report.cmd":   func(w io.Writer) error { return report().GitHub(w) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// sarif is what the schema of SARIF 2.1.0 asks of the parts that are written here; a member it does not list is a fault.
type sarif struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name, Version, InformationURI string
				Rules                         []struct {
					ID               string `json:"id"`
					ShortDescription *text  `json:"shortDescription"`
					FullDescription  *text  `json:"fullDescription"`
					Default          *struct {
						Enabled *bool
						Level   string
					} `json:"defaultConfiguration"`
				} `json:"rules"`
			} `json:"driver"`
		} `json:"tool"`
		ColumnKind string `json:"columnKind"`
		Results    []struct {
			RuleID              string `json:"ruleId"`
			RuleIndex           *int   `json:"ruleIndex"`
			Level               string
			Message             *text
			PartialFingerprints map[string]string
			Locations           []struct {
				PhysicalLocation *struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine int }
				}
				LogicalLocations []struct{ FullyQualifiedName, Kind string }
			}
		} `json:"results"`
	} `json:"runs"`
}

type text struct{ Text string }

func TestSARIF(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*check.Report{"full": report(), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := r.SARIF(&b, "1.2.3"); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(b.String(), `"results": null`) || strings.Contains(b.String(), `"rules": null`) {
				t.Error("a list is null")
			}
			var log sarif
			decoder := json.NewDecoder(&b)
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&log); err != nil {
				t.Fatal(err)
			}
			if log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name == "" || !isURI(log.Schema) || !isURI(log.Runs[0].Tool.Driver.InformationURI) {
				t.Errorf("head %+v", log)
			}
			checkRun(t, log)
		})
	}
}

func checkRun(t *testing.T, log sarif) {
	t.Helper()
	levels := []string{"none", "note", "warning", "error"}
	run := log.Runs[0]
	rules := run.Tool.Driver.Rules
	if run.ColumnKind != "utf16CodeUnits" {
		t.Errorf("column kind %q", run.ColumnKind)
	}
	seen := map[string]bool{}
	for _, rule := range rules {
		if rule.ID == "" || seen[rule.ID] || rule.Default == nil || rule.Default.Enabled == nil || !slices.Contains(levels, rule.Default.Level) {
			t.Errorf("rule %+v", rule)
		}
		seen[rule.ID] = true
	}
	for _, result := range run.Results {
		if result.RuleIndex == nil || *result.RuleIndex < 0 || *result.RuleIndex >= len(rules) || rules[*result.RuleIndex].ID != result.RuleID {
			t.Errorf("rule %s is not at its index", result.RuleID)
		}
		if !slices.Contains(levels, result.Level) || result.Message == nil || result.Message.Text == "" || len(result.PartialFingerprints) == 0 {
			t.Errorf("result %+v", result)
		}
		if len(result.Locations) != 1 || result.Locations[0].PhysicalLocation == nil {
			t.Fatalf("locations %+v", result.Locations)
		}
		place := result.Locations[0].PhysicalLocation
		if place.Region.StartLine < 1 || !isURI(place.ArtifactLocation.URI) {
			t.Errorf("place %+v", place)
		}
	}
}

func isURI(s string) bool {
	_, err := url.Parse(s)
	return err == nil && s != "" && !strings.ContainsAny(s, " \\<>\"{}|^`")
}

// TestJUnit holds the counts to what is counted, and the text to what XML can hold.
func TestJUnit(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	suites := []check.Suite{{Name: "s\x01", Cases: []check.TestCase{
		{Class: "c", Name: "good", Duration: time.Millisecond},
		{Class: "c", Name: "bad", FailureType: "failed", Failure: "a < b", Details: "]]> \xff", Output: "out"},
		{Class: "c", Name: "left out", Skipped: true},
	}}, {Name: "empty"}}
	if err := check.JUnit(&b, "all", suites); err != nil {
		t.Fatal(err)
	}
	type counted struct {
		Tests    string `xml:"tests,attr"`
		Failures string `xml:"failures,attr"`
		Skipped  string `xml:"skipped,attr"`
		Errors   string `xml:"errors,attr"`
		Time     string `xml:"time,attr"`
		Name     string `xml:"name,attr"`
		Cases    []struct {
			Name    string    `xml:"name,attr"`
			Class   string    `xml:"classname,attr"`
			Time    string    `xml:"time,attr"`
			Failure []string  `xml:"failure"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	}
	var got struct {
		XMLName xml.Name `xml:"testsuites"`
		counted
		Suites []counted `xml:"testsuite"`
	}
	decoder := xml.NewDecoder(&b)
	decoder.Strict = true
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if len(got.Suites) != 2 || got.Tests != "3" || got.Failures != "1" {
		t.Fatalf("%+v", got)
	}
	for _, s := range got.Suites {
		failures, skipped := 0, 0
		for _, c := range s.Cases {
			failures += len(c.Failure)
			if c.Skipped != nil {
				skipped++
			}
			if c.Name == "" || c.Class == "" {
				t.Errorf("case %+v", c)
			}
			if _, err := strconv.ParseFloat(c.Time, 64); err != nil {
				t.Error(err)
			}
		}
		if s.Tests != strconv.Itoa(len(s.Cases)) || s.Failures != strconv.Itoa(failures) || s.Skipped != strconv.Itoa(skipped) || s.Errors != "0" {
			t.Errorf("suite %+v", s)
		}
	}
}
