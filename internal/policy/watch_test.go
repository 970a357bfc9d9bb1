package policy_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/policy"
)

// watching runs Watch until the test ends and counts the reloads that worked and those that did not.
func watching(t *testing.T, engine *policy.Engine) (good, bad *atomic.Int32) {
	t.Helper()
	good, bad = new(atomic.Int32), new(atomic.Int32)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- engine.Watch(ctx, func(ctx context.Context) error {
			err := engine.Reload(ctx)
			if err == nil {
				good.Add(1)
			} else {
				bad.Add(1)
			}
			return err
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("watch: %v", err)
		}
	})
	return good, bad
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within ten seconds: %s", what)
		}
	}
}

const (
	denyAll  = "package graphwarden.rules.mine\n\ndeny contains {\"id\": \"mine.all\", \"msg\": \"m\"} if input.graph.governed == true\n"
	denyNone = "package graphwarden.rules.mine\n\ndeny contains {\"id\": \"mine.all\", \"msg\": \"m\"} if input.graph.governed == false\n"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"p/mine.rego": denyNone})
	engine := load(t, policy.Options{Paths: []string{filepath.Join(dir, "p")}})
	good, bad := watching(t, engine)
	denied := func() bool {
		return engine.Judge(t.Context(), patch(), policy.Context{}).Decision == policy.Deny
	}
	put := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		// As editors do, and in one step, so that no half-written file is read.
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	if denied() {
		t.Fatal("denied before any change")
	}
	put("p/mine.rego", denyAll)
	eventually(t, "the changed rule denies", denied)

	// A set that does not load leaves the last good one, and is tried once.
	put("p/mine.rego", "package graphwarden.rules.mine\n\ndeny contains {")
	eventually(t, "the broken set is tried", func() bool { return bad.Load() == 1 })
	put("p/notes.txt", "nothing of ours")
	time.Sleep(300 * time.Millisecond)
	if !denied() || bad.Load() != 1 {
		t.Errorf("denied %v, tried %d times", denied(), bad.Load())
	}
	put("p/mine.rego", denyNone)
	eventually(t, "the mended set allows", func() bool { return !denied() })

	// The same content again is no change; a folder that was not there is.
	loads := good.Load()
	put("p/mine.rego", denyNone)
	time.Sleep(300 * time.Millisecond)
	if good.Load() != loads {
		t.Error("the same content was loaded again")
	}
	put("p/deep/er/more.rego", "package graphwarden.rules.more\n\ndeny contains {\"id\": \"more.all\", \"msg\": \"m\"} if input.graph.governed == true\n")
	eventually(t, "the new folder denies", denied)
	put("p/deep/er/more.rego", "package graphwarden.rules.more\n\ndeny contains {\"id\": \"more.all\", \"msg\": \"m\"} if input.graph.governed == false\n")
	eventually(t, "the file in the new folder allows", func() bool { return !denied() })
}

// TestWatchMounted swaps the link behind a file, as Kubernetes does for a mounted volume.
func TestWatchMounted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	dir := write(t, map[string]string{"v1/rules.yaml": "rules: {target.broad: {level: \"off\"}}", "v2/rules.yaml": "rules: {scope.missing: {level: \"off\"}}"})
	link := func(to, name string) {
		t.Helper()
		tmp := filepath.Join(dir, "tmp-link")
		if err := os.Symlink(to, tmp); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("v1", "..data")
	link(filepath.Join("..data", "rules.yaml"), "rules.yaml")
	engine := load(t, policy.Options{Data: []string{filepath.Join(dir, "rules.yaml")}})
	watching(t, engine)
	first := engine.Revision()
	time.Sleep(50 * time.Millisecond)
	link("v2", "..data")
	eventually(t, "the swapped data is in force", func() bool { return engine.Revision() != first })
}

// TestWatchNothing ends at once: the embedded library does not change.
func TestWatchNothing(t *testing.T) {
	t.Parallel()
	if err := load(t, policy.Options{}).Watch(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
