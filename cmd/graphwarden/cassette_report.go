package main

import (
	"encoding/xml"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/graphwarden/graphwarden/internal/tape"
)

// secretReport is what verify found, in the forms that machines read. No form holds a value.
type secretReport struct {
	files    []string
	findings []tape.Finding
}

func (r *secretReport) filesHit() int {
	hit := map[string]bool{}
	for _, f := range r.findings {
		hit[f.File] = true
	}
	return len(hit)
}

func (r *secretReport) print(env *Env, form string) error {
	switch form {
	case "json":
		return printJSON(env.Stdout, map[string]any{"schema": "graphwarden.secrets/v1", "files": r.files, "findings": r.json()})
	case "junit":
		return r.junit(env)
	case "sarif":
		return printJSON(env.Stdout, r.sarif())
	case "github":
		for _, f := range r.findings {
			fmt.Fprintf(env.Stdout, "::error file=%s,line=%d,title=%s::%s\n", githubProperty(f.File), max(f.Line, 1), githubProperty("secret on a cassette: "+f.Kind), githubText(message(f)))
		}
		return nil
	}
	for _, f := range r.findings {
		fmt.Fprintln(env.Stdout, printable(f.String()))
	}
	return nil
}

func message(f tape.Finding) string {
	return strings.TrimSpace(f.Kind + " in " + f.Where + " " + f.Pointer)
}

func (r *secretReport) json() []map[string]any {
	list := []map[string]any{}
	for _, f := range r.findings {
		list = append(list, map[string]any{"file": f.File, "line": f.Line, "interaction": f.Interaction, "kind": f.Kind, "where": f.Where, "pointer": f.Pointer})
	}
	return list
}

// The escapes of GitHub's workflow commands.
var (
	githubText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace
)

type suitesXML struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suites  []suiteXML `xml:"testsuite"`
}

type suiteXML struct {
	Name     string    `xml:"name,attr"`
	Tests    int       `xml:"tests,attr"`
	Failures int       `xml:"failures,attr"`
	Skipped  int       `xml:"skipped,attr,omitempty"`
	Cases    []caseXML `xml:"testcase"`
}

type caseXML struct {
	Class   string      `xml:"classname,attr"`
	Name    string      `xml:"name,attr"`
	File    string      `xml:"file,attr,omitempty"`
	Line    int         `xml:"line,attr,omitempty"`
	Failure *failureXML `xml:"failure"`
}

type failureXML struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// marshalSuites writes the suites as JUnit does, with their counts made up from the cases.
func marshalSuites(suites []suiteXML) ([]byte, error) {
	for i := range suites {
		s := &suites[i]
		s.Tests = len(s.Cases)
		for _, c := range s.Cases {
			if c.Failure != nil {
				s.Failures++
			}
		}
	}
	out, err := xml.MarshalIndent(suitesXML{Suites: suites}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(append([]byte(xml.Header), out...), '\n'), nil
}

// junit is a test case for each file that is clean and for each finding.
func (r *secretReport) junit(env *Env) error {
	suite := suiteXML{Name: "graphwarden cassette verify"}
	hit := map[string]bool{}
	for _, f := range r.findings {
		hit[f.File] = true
		suite.Cases = append(suite.Cases, caseXML{Class: f.File, Name: fmt.Sprintf("line %d: %s", f.Line, message(f)), File: f.File, Line: f.Line,
			Failure: &failureXML{Type: f.Kind, Message: "a secret is on the cassette", Text: f.String()}})
	}
	for _, file := range r.files {
		if !hit[file] {
			suite.Cases = append(suite.Cases, caseXML{Class: file, Name: "no secret", File: file})
		}
	}
	out, err := marshalSuites([]suiteXML{suite})
	if err == nil {
		_, err = env.Stdout.Write(out)
	}
	return err
}

func (r *secretReport) sarif() map[string]any {
	results, rules, known := []map[string]any{}, []map[string]any{}, map[string]bool{}
	for _, f := range r.findings {
		if !known[f.Kind] {
			known[f.Kind] = true
			rules = append(rules, map[string]any{"id": f.Kind, "shortDescription": map[string]any{"text": "A secret on a cassette: " + f.Kind}})
		}
		results = append(results, map[string]any{"ruleId": f.Kind, "level": "error", "message": map[string]any{"text": message(f)},
			"locations": []any{map[string]any{"physicalLocation": map[string]any{
				"artifactLocation": map[string]any{"uri": filepath.ToSlash(f.File)}, "region": map[string]any{"startLine": max(f.Line, 1)}}}}})
	}
	return map[string]any{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []any{map[string]any{"tool": map[string]any{"driver": map[string]any{"name": "graphwarden", "rules": rules}}, "results": results}}}
}
