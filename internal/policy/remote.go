package policy

import (
	"context"
	"crypto/tls"
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

// remote is one bundle on a server.
type remote struct {
	url          string
	client       *http.Client
	verification *bundle.VerificationConfig
	etag         string // of the bundle; the mutex of remotes guards it
	bundle       atomic.Pointer[bundle.Bundle]
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
	return &remote{url: name, client: newClient(options.Proxy), verification: options.verification()}, nil
}

// fetch asks with the ETag it has, reads the bundle, if there is a new one, and checks its signature.
func (r *remote) fetch(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "graphwarden")
	request.Header.Set("Prefer", "modes=snapshot")
	if r.etag != "" {
		request.Header.Set("If-None-Match", r.etag)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && r.etag != "":
		return nil
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("the server answers %s", response.Status)
	}
	loader := bundle.NewTarballLoaderWithBaseURL(response.Body, "").WithSizeLimitBytes(maxFile)
	b, err := bundle.NewCustomReader(loader).WithSizeLimitBytes(maxFile).WithRegoVersion(ast.RegoV1).WithProcessAnnotations(true).
		WithBundleVerificationConfig(r.verification).Read()
	if err != nil {
		return err
	}
	if b.Type() == bundle.DeltaBundleType {
		return errors.New("the server sent a delta bundle; only whole ones can be verified")
	}
	r.bundle.Store(&b)
	r.etag = response.Header.Get("ETag")
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
		if err := one.fetch(ctx); err != nil {
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

// newClient leaves by a way of ours: the environment's proxy may well be the one that waits for its policies.
func newClient(proxy func(*http.Request) (*url.URL, error)) *http.Client {
	return &http.Client{
		Timeout: fetchTime,
		Transport: &http.Transport{Proxy: proxy, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
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
	}
}
