package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graphwarden/graphwarden/internal/console"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/policies"
	"github.com/graphwarden/graphwarden/proxy"
)

// Sessions are the cassettes in use.
func (a *admin) Sessions() []console.Session {
	var list []console.Session
	for _, s := range a.warden.Sessions() {
		list = append(list, consoleSession(s))
	}
	return list
}

// StartSession opens a session. Its cassette is in the folder of --cassette: who may write to the console may not write
// to any file of the machine.
func (a *admin) StartSession(ask console.SessionStart) (console.Session, error) {
	cassette, err := confined(a.settings.Cassette, ask.Cassette)
	if err != nil {
		return console.Session{}, err
	}
	s, err := a.warden.StartSession(ask.Name, cassette, ask.Mode, ask.Variables)
	return consoleSession(s), sessionError(err)
}

// StopSession ends a session.
func (a *admin) StopSession(name string) (console.Session, error) {
	s, err := a.warden.StopSession(name)
	return consoleSession(s), sessionError(err)
}

// SetMode goes on in another mode.
func (a *admin) SetMode(name, mode string) error { return sessionError(a.warden.SetMode(name, mode)) }

// sessionError says in the console's terms what was wrong.
func sessionError(err error) error {
	for from, to := range map[error]error{
		proxy.ErrNoSession: console.ErrNoSession, proxy.ErrSessionRuns: console.ErrSessionRuns, proxy.ErrSessionName: console.ErrBadSession,
	} {
		if errors.Is(err, from) {
			return told{err, to}
		}
	}
	return err
}

// told is an error that is another's too, and says no more for it.
type told struct {
	error
	also error
}

func (t told) Unwrap() []error { return []error{t.error, t.also} }

// confined is the path of a cassette that was asked for by the console: within the folder of the settings' cassette,
// links followed, and with a cassette's ending. An empty one stays empty.
func confined(settings, asked string) (string, error) {
	if asked == "" {
		return "", nil
	}
	refuse := func(why string) (string, error) {
		return "", fmt.Errorf("%w: cassette %q %s", console.ErrBadSession, asked, why)
	}
	if settings == "" {
		return refuse("has no folder to be in: start graphwarden with --cassette")
	}
	beginning, _, _ := strings.Cut(settings, "{session}")
	folder := filepath.Dir(beginning)
	if !filepath.IsLocal(asked) {
		return refuse("is not in the folder of --cassette: name it from there")
	}
	if strings.Contains("/"+filepath.ToSlash(asked), "/.") {
		return refuse("is hidden")
	}
	if !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(asked)) {
		return refuse("ends in none of .yaml, .yml and .json")
	}
	path := filepath.Join(folder, asked)
	within, err := linksWithin(folder, path)
	if err != nil {
		return "", fmt.Errorf("find cassette: %w", err)
	}
	if !within {
		return refuse("leads out of the folder of --cassette")
	}
	return path, nil
}

// linksWithin tells whether what is there of a path stays in the folder once links are followed.
func linksWithin(folder, path string) (bool, error) {
	root, err := filepath.EvalSymlinks(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // nothing is there, hence no link
	}
	if err != nil {
		return false, err
	}
	for at := path; at != folder && len(at) > len(folder); at = filepath.Dir(at) {
		real, err := filepath.EvalSymlinks(at)
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Lstat(at); err == nil {
				return false, nil // a link to what is not there yet: nobody knows where it leads
			}
			continue
		}
		if err != nil {
			return false, err
		}
		inside, err := filepath.Rel(root, real)
		return err == nil && filepath.IsLocal(inside), nil
	}
	return true, nil
}

func consoleSession(s proxy.Session) console.Session {
	return console.Session{
		Name: s.Name, Mode: s.Mode, Cassette: s.Cassette, Ended: s.Ended, Verdict: s.Verdict,
		Allowed: s.Allowed, Warned: s.Warned, Denied: s.Denied, Passed: s.Passed, Recorded: s.Recorded, Replayed: s.Replayed,
		Missed: s.Missed, Unused: s.Unused, Failed: s.Failed, Repeats: s.Repeats, Drifted: s.Drifted,
		UnusedList: s.UnusedList, DriftList: s.DriftList, Misses: s.Misses,
		Variables: s.Variables, RecordedAt: whenKnown(s.RecordedAt), Fault: s.Fault,
	}
}

// Test runs the tests of the policies as their files are now, the library's own among them.
func (a *admin) Test(ctx context.Context) (console.Tests, error) {
	if a.settings.Enforce == string(proxy.EnforceOff) {
		return console.Tests{}, errors.New("nothing is judged (--enforce off)")
	}
	set, err := loadOptions(a.settings)
	if err != nil {
		return console.Tests{}, err
	}
	set.Library = policies.Library
	report, err := policy.Test(ctx, policy.TestOptions{Options: set, WithLibrary: true, Coverage: true})
	if err != nil {
		return console.Tests{}, err
	}
	out := console.Tests{Coverage: report.Coverage}
	for _, r := range report.Results {
		t := console.TestResult{Package: r.Package, Name: r.Name, Location: r.Location, Error: r.Error, DurationUS: r.Duration.Microseconds()}
		switch {
		case r.Skipped:
			t.Outcome = "skipped"
			out.Skipped++
		case r.Passed:
			t.Outcome = "passed"
			out.Passed++
		default:
			t.Outcome = "failed"
			out.Failed++
		}
		out.Results = append(out.Results, t)
	}
	for _, f := range report.Files {
		out.Files = append(out.Files, console.FileCoverage{File: f.File, Coverage: f.Coverage, Uncovered: f.Uncovered})
	}
	return out, nil
}
