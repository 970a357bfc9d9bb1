package tape_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/tape"
)

func TestMaxAge(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	clock := time.Now().Add(time.Hour) // later than what is recorded from now on
	run := func(mode tape.Mode, most string, warn bool) (string, error) {
		t.Helper()
		age, err := tape.ParseAge(most)
		if err != nil {
			t.Fatal(err)
		}
		tp, err := tape.Open(tape.Options{Mode: mode, Cassette: path, Origin: originFunc(echo), Owner: "rollout team",
			MaxAge: age, MaxAgeWarn: warn, Now: func() time.Time { return clock }})
		if err == nil {
			send(t, tp, request(t, "GET", "/v1.0/a", ""))
			closeTape(t, tp)
		}
		file, _ := os.ReadFile(path)
		return string(file), err
	}
	first, err := run(tape.Record, "30d", false)
	if err != nil || load(t, path).Owner() != "rollout team" {
		t.Fatalf("%v\n%s", err, first)
	}
	clock = clock.Add(29 * 24 * time.Hour)
	if _, err := run(tape.Replay, "30d", false); err != nil {
		t.Errorf("29 days: %v", err)
	}
	clock = clock.Add(16 * 24 * time.Hour)
	for _, mode := range []tape.Mode{tape.Replay, tape.Auto, tape.New} {
		_, err := run(mode, "30d", false)
		if err == nil || !strings.Contains(err.Error(), "it is 45 days old") || !strings.Contains(err.Error(), "owner rollout team") {
			t.Errorf("45 days, %s: %v", mode, err)
		}
	}
	if _, err := run(tape.Replay, "30d", true); err != nil {
		t.Errorf("45 days with a warning: %v", err)
	}
	if _, err := run(tape.Replay, "", false); err != nil {
		t.Errorf("45 days with no limit: %v", err)
	}
	// Found unchanged, it is as good as new, and says so in one line.
	again, err := run(tape.Record, "30d", false)
	if err != nil || strings.Count(again, "\n") != strings.Count(first, "\n")+1 || !strings.Contains(again, "renewed: \""+clock.UTC().Format(time.DateOnly)+"\"\n") {
		t.Errorf("renewed: %v\n%s", err, again)
	}
	if _, err := run(tape.Replay, "30d", false); err != nil {
		t.Errorf("renewed: %v", err)
	}
	if same, err := run(tape.Record, "30d", false); err != nil || same != again {
		t.Errorf("renewed twice: %v\n%s", err, same)
	}
	for file, want := range map[string]string{"2020-01-31": "it expired on 2020-01-31", "9999-01-31": "", "soon": "is not a date"} {
		if err := os.WriteFile(path, []byte(strings.Replace(first, "interactions:", "expires: \""+file+"\"\ninteractions:", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := run(tape.Replay, "", false); (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("expires %s: %v", file, err)
		}
	}
	for _, bad := range []string{"d", "0d", "-3d", "x", "1y"} {
		if _, err := tape.ParseAge(bad); err == nil {
			t.Errorf("%q is taken for an age", bad)
		}
	}
}
