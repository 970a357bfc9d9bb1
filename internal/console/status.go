package console

import "time"

// Status is what the proxy is and has done so far.
type Status struct {
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Listen   string    `json:"listen"`
	Mode     string    `json:"mode"`
	Enforce  string    `json:"enforce"`
	Origin   string    `json:"origin"`
	Cassette string    `json:"cassette"`
	Ledger   string    `json:"ledger"`
	// Revision names the policies in force, empty when nothing is judged.
	Revision string `json:"revision"`
	// Write is true when the API may change something.
	Write  bool   `json:"write"`
	Counts Counts `json:"counts"`
	// Ready is empty when new exchanges are welcome, else why not.
	Ready string `json:"ready"`
}

// Counts are what the proxy has done so far. A deny that was let through counts as denied and as passed.
type Counts struct {
	Allowed  int `json:"allowed"`
	Warned   int `json:"warned"`
	Denied   int `json:"denied"`
	Passed   int `json:"passed"`
	Recorded int `json:"recorded"`
	Replayed int `json:"replayed"`
	Missed   int `json:"missed"`
	Unused   int `json:"unused"`
	Failed   int `json:"failed"`
}

// Policy is the set of rules in force.
type Policy struct {
	Revision string `json:"revision"`
	Rules    []Rule `json:"rules"`
}

// Rule is one rule, its level in force and the one without the user's data.
type Rule struct {
	ID          string      `json:"id"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Level       string      `json:"level"`
	Default     string      `json:"default"`
	SetBy       string      `json:"set_by"`
	Package     string      `json:"package"`
	Location    string      `json:"location"`
	Parameters  []Parameter `json:"parameters"`
	// Hits is how often the rule has spoken since the start.
	Hits int `json:"hits"`
}

// Parameter is one value that tunes a rule.
type Parameter struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Value       any    `json:"value"`
}

// Cassette is how a recording is used.
type Cassette struct {
	Path string `json:"path"`
	Mode string `json:"mode"`
	// Interactions is how many it held when it was opened.
	Interactions int `json:"interactions"`
	Recorded     int `json:"recorded"`
	Replayed     int `json:"replayed"`
	Missed       int `json:"missed"`
	Dropped      int `json:"dropped"`
	Unused       int `json:"unused"`
	// UnusedList names the first of them.
	UnusedList []Unused `json:"unused_list"`
}

// Unused is a recording that no request asked for.
type Unused struct {
	ID     string `json:"id"`
	Line   int    `json:"line"`
	Method string `json:"method"`
	URL    string `json:"url"`
}

// Client is what one client, by the name it gave, has done so far. Clients that gave none share the empty name.
type Client struct {
	Name      string    `json:"name"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Exchanges int       `json:"exchanges"`
	Allowed   int       `json:"allowed"`
	Warned    int       `json:"warned"`
	Denied    int       `json:"denied"`
	Passed    int       `json:"passed"`
	Replayed  int       `json:"replayed"`
	Missed    int       `json:"missed"`
	Failed    int       `json:"failed"`
	// Verdict is ok, denied or missed, and ExitCode what graphwarden would end with for it.
	Verdict  string `json:"verdict"`
	ExitCode int    `json:"exit_code"`
}

// add counts an exchange.
func (s *Client) add(e *Exchange) {
	if s.Exchanges == 0 {
		s.First = e.Time
	}
	s.Last = e.Time
	s.Exchanges++
	switch e.Verdict {
	case "allow":
		s.Allowed++
	case "warn":
		s.Warned++
	case "deny":
		s.Denied++
		if !e.Enforced {
			s.Passed++
		}
	}
	switch e.Outcome {
	case "replayed":
		s.Replayed++
	case "missed":
		s.Missed++
	case "refused", "unreachable":
		s.Failed++
	}
	switch {
	case s.Denied > s.Passed:
		s.Verdict, s.ExitCode = "denied", 3
	case s.Missed > 0:
		s.Verdict, s.ExitCode = "missed", 4
	default:
		s.Verdict, s.ExitCode = "ok", 0
	}
}
