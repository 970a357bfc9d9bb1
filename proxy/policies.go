package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/graphwarden/graphwarden/internal/policy"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// openPolicies loads the policies, unless nothing is to be judged.
func (w *Warden) openPolicies(ctx context.Context) error {
	s := &w.settings
	if w.enforce == EnforceOff {
		return nil
	}
	options := policy.Options{Paths: s.Policy, Data: s.Data, Logger: w.log, VerifyKey: s.PolicyKey, VerifyAlgorithm: s.PolicyKeyAlgorithm, Poll: s.PolicyPoll}
	if slices.ContainsFunc(s.Policy, policy.IsRemote) {
		mode, err := tape.ParseMode(or(s.Mode, string(tape.Live)))
		if err == nil {
			mode, err = tape.Resolve(mode, s.Cassette)
		}
		if err != nil {
			return err
		}
		if mode == tape.Replay {
			return errors.New("load policy: a replay opens no connection: save the bundle to a file and name that")
		}
		if options.Proxy, err = upstreamProxy(s.UpstreamProxy); err != nil {
			return fmt.Errorf("load policy: %w", err)
		}
	}
	var err error
	if w.judge, err = policy.Load(ctx, options); err != nil {
		return fmt.Errorf("load policy: %w", err)
	}
	return nil
}

// WatchPolicies follows the files of the policies and their servers until the context ends and calls reload, which is
// Reload or something around it, when there is something new.
func (w *Warden) WatchPolicies(ctx context.Context, reload func(context.Context) error) error {
	if w.judge == nil {
		return nil
	}
	return w.judge.Watch(ctx, reload)
}
