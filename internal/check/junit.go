package check

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/policy"
)

// Suite is a group of test cases of a JUnit report.
type Suite struct {
	Name  string
	Cases []TestCase
}

// TestCase is one test of a JUnit report. It failed when Failure is not empty.
type TestCase struct {
	Class, Name      string
	Duration         time.Duration
	Skipped          bool
	FailureType      string
	Failure, Details string
	Output           string
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Skipped *struct{}     `xml:"skipped"`
	Failure *junitFailure `xml:"failure"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes suites in the form that CI servers read.
func JUnit(w io.Writer, name string, suites []Suite) error {
	all := junitSuites{Name: name}
	var total time.Duration
	for _, s := range suites {
		suite := junitSuite{Name: clean(s.Name), Tests: len(s.Cases)}
		var spent time.Duration
		for _, c := range s.Cases {
			one := junitCase{Name: clean(c.Name), Class: clean(c.Class), Time: seconds(c.Duration), Output: clean(c.Output)}
			if c.Skipped {
				one.Skipped = &struct{}{}
				suite.Skipped++
			}
			if c.Failure != "" {
				one.Failure = &junitFailure{Message: clean(c.Failure), Type: clean(c.FailureType), Text: clean(c.Details)}
				suite.Failures++
			}
			spent += c.Duration
			suite.Cases = append(suite.Cases, one)
		}
		suite.Time = seconds(spent)
		all.Tests, all.Failures, total = all.Tests+suite.Tests, all.Failures+suite.Failures, total+spent
		all.Suites = append(all.Suites, suite)
	}
	all.Time = seconds(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// clean drops what XML 1.0 has no way to write.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= 0x20 && r <= 0xd7ff, r >= 0xe000 && r <= 0xfffd, r >= 0x10000:
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }

// JUnit writes the report as one suite for each file and one test for each judged request, which fails when it is denied.
func (r *Report) JUnit(w io.Writer) error {
	var suites []Suite
	for i := range r.Results {
		result := &r.Results[i]
		if n := len(suites); n == 0 || suites[n-1].Name != result.File {
			suites = append(suites, Suite{Name: result.File})
		}
		suite := &suites[len(suites)-1]
		suite.Cases = append(suite.Cases, result.testCase())
	}
	return JUnit(w, "graphwarden check", suites)
}

func (r *Result) testCase() TestCase {
	c := TestCase{Class: r.File, Name: r.title()}
	var denied, other strings.Builder
	if r.Error != "" {
		c.FailureType, c.Failure = "PolicyUnavailable", r.Error
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		to := &other
		if f.Level == policy.LevelDeny {
			to = &denied
			if c.Failure == "" {
				c.FailureType, c.Failure = f.ID, f.ID+": "+f.Message
			}
		}
		fmt.Fprintf(to, "%s: %s %s: %s\n", r.place(f.Line), f.Level, f.ID, sentences(f, r))
	}
	c.Details, c.Output = denied.String(), other.String()
	return c
}
