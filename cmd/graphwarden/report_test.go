package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/proxy"
)

// exchanges are one of each kind, as an observer sees them.
func exchanges() map[string]proxy.Exchange {
	e := proxy.Exchange{
		ID: "0011223344556677", Time: time.Date(2026, 11, 23, 12, 0, 1, 0, time.Local), Method: "PATCH", Host: "graph.microsoft.com",
		Path:      "/beta/deviceManagement/embeddedSIMActivationCodePools/pool-1/assignments/assignment-1",
		Operation: "update", Resource: "embeddedSIMActivationCodePoolAssignment", Governed: true,
		Targets: []string{"group 6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e, filter removed"},
		Verdict: "allow", Source: proxy.FromOrigin, Status: 200, Duration: 7912345,
	}
	audit := proxy.Violation{ID: "header.client_request_id", Level: "audit", Message: "no client-request-id"}
	warned, denied, passed, missed, read, odd := e, e, e, e, e, e
	e.Violations = []proxy.Violation{audit}
	warned.Verdict, warned.Violations = "warn", []proxy.Violation{{ID: "target.abstract", Level: "warn", Message: "the type is abstract", Fix: "name one"}}
	denied.Verdict, denied.Enforced, denied.Refusal, denied.Source, denied.Status = "deny", true, "PolicyDenied", proxy.FromProxy, 403
	denied.Violations = []proxy.Violation{{ID: "scope.missing", Level: "deny", Message: "the token lacks a scope", Fix: "ask for it"}, audit}
	passed.Verdict, passed.Violations = "deny", denied.Violations
	missed.Refusal, missed.Message, missed.Source, missed.Status = "CassetteMiss", "no recording", proxy.FromProxy, 501
	read.Method, read.Verdict, read.Governed, read.Targets, read.Operation = "GET", "", false, nil, "read"
	odd.Refusal, odd.Message, odd.Resource, odd.Verdict, odd.Source, odd.Status = "BadRequest", "a\x1b[31m|<b>", "unknown", "", proxy.FromProxy, 400
	odd.Path = "/beta/x|<script>`"
	return map[string]proxy.Exchange{"allow": e, "warn": warned, "deny": denied, "would": passed, "miss": missed, "read": read, "error": odd}
}

const place = "PATCH  embedded SIM activation code pool assignment  -> group 6f1c2d3e…, filter removed  "

func TestReportText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind string
		r    *reporter
		want string
	}{
		{"allow", &reporter{}, "12:00:01  allow  " + place + "200 from Graph in 7.9ms\n"},
		{"allow", &reporter{mode: "record", cassette: "c.yaml"}, "12:00:01  allow  " + place + "200 from Graph in 7.9ms, kept on c.yaml\n"},
		{"allow", &reporter{verbose: true}, "12:00:01  allow  PATCH  embedded SIM activation code pool assignment  -> group 6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e, filter removed  200 from Graph in 7.9ms\n" +
			"          https://graph.microsoft.com/beta/deviceManagement/embeddedSIMActivationCodePools/pool-1/assignments/assignment-1  id 0011223344556677\n" +
			"          header.client_request_id: no client-request-id\n"},
		{"allow", &reporter{quiet: true}, ""},
		{"allow", &reporter{off: true}, ""},
		{"warn", &reporter{}, "12:00:01  warn   " + place + "[target.abstract]  200 from Graph in 7.9ms\n          target.abstract: the type is abstract\n"},
		{"deny", &reporter{}, "12:00:01  deny   " + place + "[scope.missing]  403 from graphwarden in 7.9ms\n" +
			"          scope.missing: the token lacks a scope\n          fix: ask for it\n"},
		{"deny", &reporter{quiet: true}, "12:00:01  deny   " + place + "[scope.missing]  403 from graphwarden in 7.9ms\n" +
			"          scope.missing: the token lacks a scope\n          fix: ask for it\n"},
		{"would", &reporter{}, "12:00:01  would  " + place + "[scope.missing]  200 from Graph in 7.9ms\n" +
			"          scope.missing: the token lacks a scope\n          fix: ask for it\n"},
		{"miss", &reporter{mode: "replay", cassette: "c.yaml"}, "12:00:01  miss   " + place + "501 from graphwarden in 7.9ms\n          CassetteMiss: no recording\n"},
		{"read", &reporter{}, ""},
		{"read", &reporter{verbose: true, mode: "live"}, "12:00:01  read   GET    /beta/deviceManagement/embeddedSIMActivationCodePools/pool-1/assignments/assignment-1  200 from Graph in 7.9ms\n" +
			"          https://graph.microsoft.com/beta/deviceManagement/embeddedSIMActivationCodePools/pool-1/assignments/assignment-1  id 0011223344556677\n"},
		{"error", &reporter{}, "12:00:01  error  PATCH  /beta/x|<script>`  -> group 6f1c2d3e…, filter removed  400 from graphwarden in 7.9ms\n" +
			"          BadRequest: a\\x1b[31m|<b>\n"},
	} {
		var out bytes.Buffer
		tt.r.w = &out
		if tt.r.mode == "" {
			tt.r.mode = "live"
		}
		tt.r.exchange(exchanges()[tt.kind])
		if diff := cmp.Diff(tt.want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.kind, diff)
		}
	}
}

// TestReportColour holds that colour only repeats what the word says.
func TestReportColour(t *testing.T) {
	t.Parallel()
	var plain, coloured bytes.Buffer
	for _, e := range exchanges() {
		(&reporter{w: &plain, verbose: true}).exchange(e)
		(&reporter{w: &coloured, verbose: true, paint: true}).exchange(e)
		stripped := coloured.String()
		for _, code := range []string{"31", "32", "33", "1", "2", "0"} {
			stripped = strings.ReplaceAll(stripped, "\x1b["+code+"m", "")
		}
		if diff := cmp.Diff(plain.String(), stripped); diff != "" || !strings.Contains(coloured.String(), "\x1b[") {
			t.Errorf("(-plain +stripped):\n%s", diff)
		}
		plain.Reset()
		coloured.Reset()
	}
}

// TestReportJSON validates what is printed against the schema that is shipped.
func TestReportJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := &reporter{w: &out, json: true, verbose: true, mode: "record", cassette: "c.yaml"}
	for _, e := range exchanges() {
		r.exchange(e)
	}
	r.console(&Env{Stderr: io.Discard}, "http://127.0.0.1:1/", "")
	r.summary("record", "c.yaml", proxy.Summary{Allowed: 1, UnusedList: []string{"GET /"}})
	checkOutput(t, out.String(), len(exchanges())+2)
}

// checkOutput validates lines of --output json.
func checkOutput(t *testing.T, out string, want int) {
	t.Helper()
	s := readSchema(t, outputSchemaFile)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != want {
		t.Errorf("%d lines, want %d", len(lines), want)
	}
	for _, line := range lines {
		var v any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if faults := s.check(s.root, v, ""); len(faults) > 0 {
			t.Errorf("%s\n%s", line, strings.Join(faults, "\n"))
		}
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	summary := filepath.Join(t.TempDir(), "summary.md")
	var out bytes.Buffer
	env := &Env{Stderr: &out, Environ: []string{"GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY=" + summary}}
	r := newReporter(env, config.Settings{Output: "text", Mode: "live"}, io.Discard)
	all := exchanges()
	for _, kind := range []string{"allow", "warn", "deny", "error", "read"} {
		r.exchange(all[kind])
	}
	want := "::warning title=graphwarden target.abstract::PATCH /beta/deviceManagement/embeddedSIMActivationCodePools/pool-1/assignments/assignment-1%0Atarget.abstract: the type is abstract. name one\n" +
		"::error title=graphwarden scope.missing::PATCH /beta/deviceManagement/embeddedSIMActivationCodePools/pool-1/assignments/assignment-1%0Ascope.missing: the token lacks a scope. ask for it\n" +
		"::error title=graphwarden BadRequest::PATCH /beta/x|<script>`%0Aa\\x1b[31m|<b>\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if err := r.files("", "1 allowed", false, proxy.Summary{}, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	wantTable := "### graphwarden\n\n1 allowed\n\n| verdict | change | target | rules | status |\n| --- | --- | --- | --- | --- |\n" +
		"| allow | PATCH embedded SIM activation code pool assignment | group 6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e, filter removed |  | 200 |\n" +
		"| warn | PATCH embedded SIM activation code pool assignment | group 6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e, filter removed | target.abstract | 200 |\n" +
		"| deny | PATCH embedded SIM activation code pool assignment | group 6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e, filter removed | scope.missing | 403 |\n" +
		"| error | PATCH /beta/x\\|&lt;script&gt;\\` | group 6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e, filter removed | BadRequest | 400 |\n"
	if diff := cmp.Diff(wantTable, string(data)); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if inActions(&Env{}, false) != nil {
		t.Error("speaks to GitHub where there is none")
	}
	quiet := newReporter(env, config.Settings{Output: "json"}, io.Discard)
	out.Reset()
	quiet.exchange(all["deny"])
	if out.Len() > 0 {
		t.Errorf("annotations among JSON lines: %s", out.String())
	}
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "report.xml")
	all := exchanges()
	if err := writeJUnit(path, []proxy.Exchange{all["allow"], all["deny"], all["error"]}, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Suite struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Cases    []struct {
				Class   string `xml:"classname,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &got); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if s := got.Suite; s.Tests != 3 || s.Failures != 2 || s.Cases[0].Failure != nil || s.Cases[1].Failure.Message != "scope.missing" ||
		s.Cases[0].Class != "graphwarden.embeddedSIMActivationCodePoolAssignment" {
		t.Errorf("got %+v", s)
	}
}

func TestStatusLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := &reporter{w: &out, mode: "live", status: &statusLine{w: &out}}
	all := exchanges()
	r.exchange(all["read"])
	r.exchange(all["deny"])
	r.summary("live", "", proxy.Summary{})
	if got := out.String(); !strings.HasPrefix(got, "\r\x1b[K1 requests, ") || strings.Count(got, "\r\x1b[K") < 3 || !strings.Contains(got, "2 requests, 0 changes allowed, 1 denied") {
		t.Errorf("got %q", got)
	}
}

func TestSpaced(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, want string }{
		{"embeddedSIMActivationCodePoolAssignment", "embedded SIM activation code pool assignment"},
		{"mobileAppAssignment", "mobile app assignment"},
		{"iosLobAppProvisioningConfigurationAssignment", "ios lob app provisioning configuration assignment"},
		{"groupPolicyURL", "group policy URL"},
		{"", ""},
	} {
		if got := spaced(tt.name); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := shortIDs("a 6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e b 6f1c2d3e-4a5b"); got != "a 6f1c2d3e… b 6f1c2d3e-4a5b" {
		t.Error(got)
	}
}
