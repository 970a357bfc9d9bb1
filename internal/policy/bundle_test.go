package policy_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/graphwarden/graphwarden/internal/policy"
)

const frozen = `package graphwarden.rules.mine

deny contains {"id": "mine.frozen", "msg": "nothing changes"} if input.graph.kind in data.kinds
`

// pack makes a bundle, signed when a key is given.
func pack(t testing.TB, kind, key string) []byte {
	t.Helper()
	b := bundle.Bundle{
		Manifest: bundle.Manifest{Roots: &[]string{""}},
		Data:     map[string]any{"kinds": []any{kind}},
		Modules: []bundle.ModuleFile{{URL: "mine/frozen.rego", Path: "mine/frozen.rego", Raw: []byte(frozen),
			Parsed: ast.MustParseModule(frozen)}},
	}
	b.Manifest.Init()
	if key != "" {
		if err := b.GenerateSignature(bundle.NewSigningConfig(key, "HS256", ""), "key", false); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := bundle.NewWriter(&out).Write(b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBundleSignatures(t *testing.T) {
	t.Parallel()
	const good, bad = "a-secret-of-some-length", "another-secret-of-length"
	for _, tt := range []struct {
		name, signed, key string
		fault             string
	}{
		{"signed, the right key", good, good, ""},
		{"signed with another key", bad, good, "verify"},
		{"unsigned where a key is set", "", good, "signature"},
		{"unsigned, no key", "", "", ""},
		{"signed, no key", good, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, map[string]string{"b.tar.gz": string(pack(t, "assignment", tt.signed))}) + "/b.tar.gz"
			engine, err := policy.Load(t.Context(), policy.Options{Paths: []string{path}, VerifyKey: tt.key, VerifyAlgorithm: "HS256"})
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) || !strings.Contains(err.Error(), path) {
					t.Fatalf("error %v, want one about %s", err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if v := engine.Judge(t.Context(), patch(), policy.Context{}); v.Decision != policy.Deny || ids(v)[0] != "deny mine.frozen" {
				t.Errorf("judged %s %v %v", v.Decision, ids(v), v.Err)
			}
		})
	}
	t.Run("a folder where a key is set", func(t *testing.T) {
		t.Parallel()
		dir := write(t, map[string]string{"mine.rego": frozen, "data.json": `{"kinds": []}`})
		if _, err := policy.Load(t.Context(), policy.Options{Paths: []string{dir}, VerifyKey: good}); err == nil || !strings.Contains(err.Error(), "only signed bundles") {
			t.Errorf("error %v", err)
		}
	})
}

// server hands out one bundle at a time, with an ETag.
type server struct {
	bundle atomic.Pointer[[]byte]
	status atomic.Int32
	fresh  atomic.Int32 // whole bundles sent
	asked  atomic.Int32
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	if code := s.status.Load(); code != 0 {
		w.WriteHeader(int(code))
		return
	}
	content := *s.bundle.Load()
	etag := fmt.Sprintf(`"%d-%x"`, len(content), content[len(content)-20:])
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	s.fresh.Add(1)
	w.Header().Set("ETag", etag)
	_, _ = w.Write(content)
}

func TestRemoteBundle(t *testing.T) {
	t.Parallel()
	const key = "a-secret-of-some-length"
	give := func(s *server, kind, key string) {
		content := pack(t, kind, key)
		s.bundle.Store(&content)
	}
	s := &server{}
	give(s, "assignment", key)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	options := policy.Options{Paths: []string{web.URL + "/bundles/mine.tar.gz?channel=1"}, VerifyKey: key, VerifyAlgorithm: "HS256", Poll: 20 * time.Millisecond}
	engine := load(t, options)
	first := engine.Revision()
	if v := engine.Judge(t.Context(), patch(), policy.Context{}); v.Decision != policy.Deny {
		t.Fatalf("judged %s", v.Decision)
	}
	watching(t, engine)

	// Nothing new is not fetched again.
	before := s.asked.Load()
	eventually(t, "the server is asked again", func() bool { return s.asked.Load() > before+2 })
	if s.fresh.Load() != 1 || engine.Revision() != first {
		t.Errorf("%d bundles were sent, revision %s then %s", s.fresh.Load(), first, engine.Revision())
	}

	// A bundle signed by somebody else, or a server that fails, changes nothing.
	give(s, "other", "somebody-elses-secret-key")
	before = s.asked.Load()
	eventually(t, "the forged bundle is seen", func() bool { return s.asked.Load() > before+2 })
	s.status.Store(http.StatusInternalServerError)
	before = s.asked.Load()
	eventually(t, "the failure is seen", func() bool { return s.asked.Load() > before+2 })
	if engine.Revision() != first {
		t.Errorf("the set in force is another")
	}

	// A new one comes into force.
	s.status.Store(0)
	give(s, "other", key)
	eventually(t, "the new bundle is in force", func() bool { return engine.Revision() != first })
	if v := engine.Judge(t.Context(), patch(), policy.Context{}); v.Decision != policy.Allow {
		t.Errorf("judged %s %v", v.Decision, ids(v))
	}
}

func TestRemoteBundleRefused(t *testing.T) {
	t.Parallel()
	s := &server{}
	content := pack(t, "assignment", "")
	s.bundle.Store(&content)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	tls := httptest.NewUnstartedServer(s) // nobody trusts its certificate
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	t.Cleanup(tls.Close)
	delta := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b := bundle.Bundle{Patch: bundle.Patch{Data: []bundle.PatchOperation{{Op: "upsert", Path: "/kinds", Value: []any{"other"}}}}}
		b.Manifest.Init()
		if err := b.GenerateSignature(bundle.NewSigningConfig("a-secret-of-some-length", "HS256", ""), "key", false); err != nil {
			t.Error(err)
		}
		if err := bundle.NewWriter(w).Write(b); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(delta.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gone.Close)
	for _, tt := range []struct{ name, url, key, want string }{
		{"plain http without a key", web.URL + "/b.tar.gz", "", "over plain http"},
		{"unsigned with a key", web.URL + "/b.tar.gz", "a-secret-of-some-length", "signature"},
		{"a certificate nobody trusts", tls.URL + "/b.tar.gz", "", "certificate"},
		{"no bundle there", gone.URL + "/b.tar.gz", "a-secret-of-some-length", "Not Found"},
		{"a delta", delta.URL + "/b.tar.gz", "a-secret-of-some-length", "delta bundle"},
		{"a password in the URL", "https://user:secret@example.org/b.tar.gz", "", "password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := policy.Load(t.Context(), policy.Options{Paths: []string{tt.url}, VerifyKey: tt.key, VerifyAlgorithm: "HS256"})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "user:secret") {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestIsRemote(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"https://x/b.tar.gz": true, "http://x/b": true, "policies": false, filepath.Join("https:", "x"): false, "": false} {
		if policy.IsRemote(path) != want {
			t.Errorf("%q remote: %v", path, !want)
		}
	}
}
