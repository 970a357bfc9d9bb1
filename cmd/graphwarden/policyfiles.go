package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/proxy"
)

// loadOptions are the policies that the settings name.
func loadOptions(s config.Settings) (policy.Options, error) {
	key, err := policyKey(s)
	return policy.Options{Paths: s.Policy, Data: s.Data, VerifyKey: key, VerifyAlgorithm: s.PolicyKeyAlgorithm, Proxy: http.ProxyFromEnvironment}, err
}

// loadPolicies loads them; a set that does not load is wrong configuration.
func loadPolicies(ctx context.Context, s config.Settings) (*policy.Engine, error) {
	options, err := loadOptions(s)
	if err != nil {
		return nil, err
	}
	return load(ctx, options)
}

func load(ctx context.Context, options policy.Options) (*policy.Engine, error) {
	engine, err := policy.Load(ctx, options)
	if err != nil {
		return nil, &exitError{code: codeUsage, err: fmt.Errorf("load policy: %w", err)}
	}
	return engine, nil
}

// policyKey reads the key that bundles must be signed with; empty when none is set.
func policyKey(s config.Settings) (string, error) {
	if s.PolicyKey == "" {
		return "", nil
	}
	key, err := os.ReadFile(s.PolicyKey)
	if err == nil && len(key) == 0 {
		err = fmt.Errorf("%s is empty", s.PolicyKey)
	}
	if err != nil {
		return "", &exitError{code: codeUsage, err: fmt.Errorf("read the key of the policies: %w", err)}
	}
	return string(key), nil
}

// policySettings adds to a proxy's settings what the policies and their decisions need. The closer is the decision log's.
func policySettings(env *Env, s config.Settings, to *proxy.Settings) (io.Closer, error) {
	var err error
	if to.PolicyKey, err = policyKey(s); err != nil {
		return nil, err
	}
	to.PolicyKeyAlgorithm = s.PolicyKeyAlgorithm
	// The value was checked with the settings.
	to.PolicyPoll, _ = time.ParseDuration(s.PolicyPoll)
	to.DecisionMasks = s.DecisionMasks
	switch s.DecisionLog {
	case "":
		return nil, nil
	case "-":
		to.Decisions = env.Stdout
		return nil, nil
	}
	f, err := os.OpenFile(s.DecisionLog, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, &exitError{code: codeUsage, err: fmt.Errorf("open the decision log: %w", err)}
	}
	to.Decisions = f
	return f, nil
}

// watchPolicies reloads the policies whenever their files or servers have something new.
func watchPolicies(ctx context.Context, p *running, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.warden.WatchPolicies(ctx, p.reload); err != nil {
			log.Warn("policies are not watched; SIGHUP reads them anew", "error", err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
