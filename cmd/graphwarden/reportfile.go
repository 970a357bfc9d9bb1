package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/graphwarden/graphwarden/internal/check"
	"github.com/graphwarden/graphwarden/proxy"
)

// writeJUnit writes each change as a test case, failed where it was denied, missed or refused otherwise.
func writeJUnit(path string, kept []proxy.Exchange) error {
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
	if err := check.JUnit(&b, "graphwarden", []check.Suite{suite}); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
