package check

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/graphwarden/graphwarden/internal/policy"
)

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"

// The parts of SARIF 2.1.0 that are written, by their names there.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID            string          `json:"id"`
		Short         *sarifText      `json:"shortDescription,omitempty"`
		Full          *sarifText      `json:"fullDescription,omitempty"`
		Configuration sarifConfigured `json:"defaultConfiguration"`
	}
	sarifConfigured struct {
		Enabled bool   `json:"enabled"`
		Level   string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
)

// SARIF writes the report for code scanning. Version is graphwarden's own.
func (r *Report) SARIF(w io.Writer, version string) error {
	run := sarifRun{ColumnKind: "utf16CodeUnits", Results: []sarifResult{}, Tool: sarifTool{Driver: sarifDriver{
		Name: "graphwarden", Version: version, InformationURI: "https://github.com/graphwarden/graphwarden", Rules: []sarifRule{}}}}
	index := map[string]int{}
	rule := func(one sarifRule) int {
		i, ok := index[one.ID]
		if !ok {
			i = len(run.Tool.Driver.Rules)
			index[one.ID] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, one)
		}
		return i
	}
	for _, known := range r.Rules {
		rule(sarifRule{ID: known.ID, Short: sarifTextOf(known.Title), Full: sarifTextOf(known.Description),
			Configuration: sarifConfigured{Enabled: known.Default != policy.LevelOff, Level: sarifLevel(known.Default)}})
	}
	for i := range r.Results {
		result := &r.Results[i]
		findings := result.Findings
		if result.Error != "" {
			findings = append(findings[:len(findings):len(findings)], Finding{Line: result.Line,
				Violation: policy.Violation{ID: "PolicyUnavailable", Level: policy.LevelDeny, Message: result.Error}})
		}
		for j := range findings {
			f := &findings[j]
			level := sarifLevel(f.Level)
			at := rule(sarifRule{ID: f.ID, Configuration: sarifConfigured{Enabled: true, Level: level}})
			run.Results = append(run.Results, sarifResult{RuleID: f.ID, RuleIndex: at, Level: level,
				Message: sarifText{sentences(f, result)}, Locations: []sarifLocation{sarifPlace(f, result)},
				Fingerprints: map[string]string{"requestRulePointer/v1": fingerprint(result.Method, result.URL, f.ID, f.Pointer)}})
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

func sarifTextOf(s string) *sarifText {
	if s == "" {
		return nil
	}
	return &sarifText{s}
}

func sarifLevel(level string) string {
	switch level {
	case policy.LevelDeny:
		return "error"
	case policy.LevelWarn:
		return "warning"
	}
	return "note"
}

func sarifPlace(f *Finding, r *Result) sarifLocation {
	place := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{fileURI(r.File)}, Region: sarifRegion{max(f.Line, 1)}}}
	if f.Pointer != "" {
		place.Logical = []sarifLogical{{FullyQualifiedName: f.Pointer, Kind: "member"}}
	}
	return place
}

// fileURI is relative where the file's name is, so that it fits a checkout wherever that is.
func fileURI(name string) string {
	if name == "-" {
		name = "stdin"
	}
	if filepath.IsAbs(name) {
		slashed := filepath.ToSlash(name)
		if !strings.HasPrefix(slashed, "/") {
			slashed = "/" + slashed // C:/…
		}
		return (&url.URL{Scheme: "file", Path: slashed}).String()
	}
	return (&url.URL{Path: filepath.ToSlash(filepath.Clean(name))}).String()
}

// fingerprint stays the same when lines move, so that an alert that was dismissed stays so.
func fingerprint(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
