package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/graphwarden/graphwarden/internal/check"
	"github.com/graphwarden/graphwarden/proxy"
)

// writeReport writes what became of each change and of each session: as JSON if the name says so, else as JUnit.
func (r *reporter) writeReport(path string, strict bool, counts proxy.Summary, sessions []proxy.Session) error {
	if strings.EqualFold(filepath.Ext(path), ".json") {
		changes := []map[string]any{}
		for _, e := range r.kept {
			changes = append(changes, exchangeJSON(e, r.cassetteOf(e)))
		}
		var b bytes.Buffer
		err := printJSON(&b, map[string]any{"schema": "graphwarden.report/v1", "summary": counts, "sessions": sessions, "changes": changes})
		if err == nil {
			err = os.WriteFile(path, b.Bytes(), 0o644)
		}
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		return nil
	}
	return writeJUnit(path, r.kept, sessionSuites(sessions, strict))
}

// sessionSuites are three test cases for each session that used a cassette.
func sessionSuites(sessions []proxy.Session, strict bool) []check.Suite {
	var suites []check.Suite
	for _, s := range sessions {
		if s.Cassette == "" {
			continue
		}
		class := "graphwarden.session." + cmp.Or(s.Name, "all")
		list := func(name, kind string, count int, lines []string, fails bool) check.TestCase {
			c := check.TestCase{Class: class, Name: name}
			switch text := strings.Join(lines, "\n"); {
			case count > 0 && fails:
				c.FailureType, c.Failure, c.Details = kind, fmt.Sprintf("%d %s", count, kind), text
			case count > 0:
				c.Output = text
			}
			return c
		}
		suites = append(suites, check.Suite{Name: "graphwarden session " + cmp.Or(s.Name, s.Cassette), Cases: []check.TestCase{
			list("every request has a recording", "missed", s.Missed, append(s.Misses, dropEmpty(s.Fault)...), true),
			list("every recording is used", "unused", s.Unused, s.UnusedList, strict),
			list("every answer is as recorded", "drifted", s.Drifted, s.DriftList, true),
		}})
	}
	return suites
}

func dropEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// writeJUnit writes each change as a test case, failed where it was denied, missed or refused otherwise, and the suites
// behind them.
func writeJUnit(path string, kept []proxy.Exchange, more []check.Suite) error {
	suite := check.Suite{Name: "graphwarden run"}
	for _, e := range kept {
		c := check.TestCase{Class: "graphwarden." + cmp.Or(e.Resource, "unknown"), Name: e.Method + " " + e.Path, Duration: e.Duration}
		if len(e.Targets) > 0 {
			c.Name += " -> " + summarise(e.Targets, true)
		}
		var said []string
		for _, v := range e.Violations {
			said = append(said, strings.TrimSpace(v.Level+" "+v.ID+": "+v.Message+". "+v.Fix))
		}
		text := strings.Join(said, "\n")
		switch verdictWord(e) {
		case "deny", "miss", "error":
			c.FailureType, c.Failure, c.Details = e.Refusal, cmp.Or(ruleIDs(e), e.Message, e.Refusal), cmp.Or(text, e.Message)
		default:
			c.Output = text
		}
		suite.Cases = append(suite.Cases, c)
	}
	var b bytes.Buffer
	if err := check.JUnit(&b, "graphwarden", append([]check.Suite{suite}, more...)); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
