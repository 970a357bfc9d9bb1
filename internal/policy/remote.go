package policy

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/download"
	"github.com/open-policy-agent/opa/v1/logging"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/plugins/rest"
)

// DefaultPoll is how often a bundle server is asked for news unless Options say otherwise.
const DefaultPoll = time.Minute

// fetchTime bounds one request to a bundle server.
const fetchTime = 30 * time.Second

// IsRemote reports whether a policy path is the URL of a bundle.
func IsRemote(path string) bool {
	return strings.HasPrefix(path, "https://") || strings.HasPrefix(path, "http://")
}

// remotes are the bundles that come from servers, each in its last good version.
type remotes struct {
	mu     sync.Mutex
	byName map[string]*remote
}

// remote is one bundle on a server. OPA's downloader asks with the ETag it has, reads the bundle and checks the signature.
type remote struct {
	downloader *download.Downloader
	bundle     atomic.Pointer[bundle.Bundle]
}

// newRemotes prepares to fetch the bundles among the paths; it is nil when there are none.
func newRemotes(options *Options) (*remotes, error) {
	r := &remotes{byName: map[string]*remote{}}
	for _, name := range options.Paths {
		if !IsRemote(name) {
			continue
		}
		one, err := newRemote(name, options)
		if err != nil {
			return nil, fmt.Errorf("read policies: %w", err)
		}
		r.byName[name] = one
	}
	if len(r.byName) == 0 {
		return nil, nil
	}
	return r, nil
}

func newRemote(name string, options *Options) (*remote, error) {
	u, err := url.Parse(name)
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("%q is no URL of a bundle", name)
	case u.User != nil:
		return nil, errors.New("the URL of a bundle holds a password; it would be seen in logs")
	case u.Scheme == "http" && options.VerifyKey == "":
		return nil, fmt.Errorf("%s: over plain http anybody can change a bundle: use https, or name the key it is signed with", name)
	}
	configuration, err := json.Marshal(map[string]any{"name": "policies", "url": u.Scheme + "://" + u.Host, "credentials": map[string]any{"plugin": "graphwarden"}})
	if err != nil {
		return nil, err
	}
	client, err := rest.New(configuration, nil, rest.Logger(logging.NewNoOpLogger()),
		rest.AuthPluginLookup(func(string) rest.HTTPAuthPlugin { return &transport{proxy: options.Proxy} }))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	manual := plugins.TriggerManual
	r := &remote{}
	r.downloader = download.New(download.Config{Trigger: &manual}, client, u.RequestURI()).
		WithSizeLimitBytes(maxFile).
		WithBundleParserOpts(ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: Capabilities()}).
		WithBundleVerificationConfig(options.verification()).
		WithCallback(r.take)
	return r, nil
}

// take keeps a bundle that was read and whose signature holds. There is none when the server has nothing new.
func (r *remote) take(_ context.Context, update download.Update) error {
	if update.Bundle == nil {
		return nil
	}
	if update.Bundle.Type() == bundle.DeltaBundleType {
		return errors.New("the server sent a delta bundle; only whole ones can be verified")
	}
	r.bundle.Store(update.Bundle)
	return nil
}

// fetchRemotes gets the bundles among the paths for the first time; a set lacks something without any one of them.
func (o *Options) fetchRemotes(ctx context.Context) (err error) {
	if o.remotes, err = newRemotes(o); err != nil {
		return err
	}
	return o.remotes.fetch(ctx)
}

// fetch asks every server. A bundle that cannot be had stays what it was; the error names it.
func (r *remotes) fetch(ctx context.Context) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for name, one := range r.byName {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Trigger leaves its download running when its context ends, and the next one would race with it. So it waits for
		// the end, which the client's own time limit brings about.
		if err := one.downloader.Trigger(context.WithoutCancel(ctx)); err != nil {
			errs = append(errs, fmt.Errorf("fetch bundle %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// files are those of a bundle that was fetched.
func (r *remotes) files(name string) ([]file, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one := r.byName[name]; one != nil {
		if b := one.bundle.Load(); b != nil {
			return bundleFiles(name, b)
		}
	}
	return nil, fmt.Errorf("bundle %s was not fetched", name)
}

// verification is what a bundle's signature is held to; nil when no key is set.
func (o *Options) verification() *bundle.VerificationConfig {
	if o.VerifyKey == "" {
		return nil
	}
	algorithm := o.VerifyAlgorithm
	if algorithm == "" {
		algorithm = "RS256"
	}
	key := &bundle.KeyConfig{Key: o.VerifyKey, Algorithm: algorithm}
	return bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{"key": key}, "key", "", nil)
}

// transport makes OPA's client leave by a way of ours: the environment's proxy may well be the one that waits for its
// policies.
type transport struct {
	proxy func(*http.Request) (*url.URL, error)
}

// NewClient is part of rest.HTTPAuthPlugin.
func (t *transport) NewClient(rest.Config) (*http.Client, error) {
	return &http.Client{
		Timeout: fetchTime,
		Transport: &http.Transport{Proxy: t.proxy, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: fetchTime, MaxIdleConns: 2, IdleConnTimeout: 2 * DefaultPoll},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Scheme != "https" && via[0].URL.Scheme == "https" {
				return errors.New("the bundle server redirects from https to plain http")
			}
			if len(via) >= 5 {
				return errors.New("the bundle server redirects without end")
			}
			return nil
		},
	}, nil
}

// Prepare is part of rest.HTTPAuthPlugin.
func (t *transport) Prepare(*http.Request) error { return nil }
