package console

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// testTime is how long one run of the policies' tests may take.
const testTime = time.Minute

// Tests are how the policies' own tests went.
type Tests struct {
	Results []TestResult `json:"results"`
	Passed  int          `json:"passed"`
	Failed  int          `json:"failed"`
	Skipped int          `json:"skipped"`
	// Coverage is the share of lines that the tests evaluate, in percent; Files tells it of each file.
	Coverage float64        `json:"coverage"`
	Files    []FileCoverage `json:"files"`
}

// TestResult is one test.
type TestResult struct {
	Package  string `json:"package"`
	Name     string `json:"name"`
	Location string `json:"location"`
	// Outcome is passed, failed or skipped; Error says why it failed.
	Outcome    string `json:"outcome"`
	Error      string `json:"error"`
	DurationUS int64  `json:"duration_us"`
}

// FileCoverage is what the tests evaluate of one file.
type FileCoverage struct {
	File     string  `json:"file"`
	Coverage float64 `json:"coverage"`
	// Uncovered are the lines that no test evaluates.
	Uncovered []int `json:"uncovered"`
}

// testRuns keeps the outcome of the policies' tests from one reload to the next, and has one run at a time.
type testRuns struct {
	running chan struct{} // holds one while there is a run
	mu      sync.Mutex
	reloads int
	kept    *Tests
}

// last is what is kept, nil if nothing is, and how many reloads there were before.
func (t *testRuns) last() (*Tests, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept, t.reloads
}

// forget makes the next one who asks wait for a new run.
func (t *testRuns) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = nil
	t.reloads++
}

// keep remembers a run, unless the policies were read anew meanwhile.
func (t *testRuns) keep(found *Tests, reloads int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reloads == reloads {
		t.kept = found
	}
}

// get returns what is kept, or runs the tests; whoever asks during a run waits for its outcome.
func (t *testRuns) get(ctx context.Context, run func(context.Context) (Tests, error)) (*Tests, error) {
	if kept, _ := t.last(); kept != nil {
		return kept, nil
	}
	select {
	case t.running <- struct{}{}:
		defer func() { <-t.running }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	kept, reloads := t.last()
	if kept != nil {
		return kept, nil
	}
	found, err := run(ctx)
	if err != nil {
		return nil, err
	}
	found.Results, found.Files = orEmpty(found.Results), orEmpty(found.Files)
	for i := range found.Files {
		found.Files[i].Uncovered = orEmpty(found.Files[i].Uncovered)
	}
	t.keep(&found, reloads)
	return &found, nil
}

func (s *Server) policyTests(w http.ResponseWriter, r *http.Request) {
	patient(w)
	ctx, cancel := context.WithTimeout(r.Context(), testTime)
	defer cancel()
	found, err := s.tests.get(ctx, s.proxy.Test)
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, "not_tested", "the tests did not run: "+err.Error())
		return
	}
	reply(w, http.StatusOK, found)
}
