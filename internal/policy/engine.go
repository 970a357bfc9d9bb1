package policy

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
)

// Engine judges with the last good generation of policies. It is safe for any number of goroutines.
type Engine struct {
	options Options
	logger  *slog.Logger
	current atomic.Pointer[generation]
	// reloading keeps two reloads from racing to swap; judging never takes it.
	reloading sync.Mutex
}

// Load reads, compiles, tests and tries the policies that options name. The error names every syntax error with its
// file and line.
func Load(ctx context.Context, options Options) (*Engine, error) {
	if options.Timeout <= 0 {
		options.Timeout = DefaultTimeout
	}
	e := &Engine{options: options, logger: options.Logger}
	if e.logger == nil {
		e.logger = slog.New(slog.DiscardHandler)
	}
	if err := e.options.fetchRemotes(ctx); err != nil {
		return nil, err
	}
	g, err := newGeneration(ctx, e.options)
	if err != nil {
		return nil, err
	}
	e.current.Store(g)
	return e, nil
}

// Reload reads everything again and swaps the new generation in at once. On an error the last good generation stays in
// force and the error is returned.
func (e *Engine) Reload(ctx context.Context) error {
	e.reloading.Lock()
	defer e.reloading.Unlock()
	if err := e.options.remotes.fetch(ctx); err != nil {
		e.logger.Warn("the last good bundle stays in use", "error", err)
	}
	g, err := newGeneration(ctx, e.options)
	if err != nil {
		e.logger.Error("policies not reloaded, the last good set stays in force",
			"revision", e.current.Load().revision, "error", err)
		return err
	}
	e.current.Store(g)
	e.logger.Info("policies loaded", "revision", g.revision, "rules", len(g.rules))
	return nil
}

// Revision names the generation in force: a digest of its files.
func (e *Engine) Revision() string { return e.current.Load().revision }

// JudgesReads reports whether the data asks for reads to be judged too (judge_reads).
func (e *Engine) JudgesReads() bool { return e.current.Load().judgeReads }

// Rules are the rules of the generation in force, in the order of their ids.
func (e *Engine) Rules() []Rule { return append([]Rule(nil), e.current.Load().rules...) }
