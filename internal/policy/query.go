package policy

import (
	"context"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// query is the entry point, compiled, with the data that it is asked over. It is what OPA's package rego prepares, without
// the result's way through JSON.
type query struct {
	body     ast.Body
	local    ast.QueryCompiler
	compiler *ast.Compiler
	store    storage.Store
	txn      storage.Transaction // one read transaction for good: the store is never written to
}

// answer is the variable of the query that holds what the policies say.
const answer = ast.Var("answer")

func newQuery(ctx context.Context, compiler *ast.Compiler, data map[string]any) (*query, error) {
	q := &query{local: compiler.QueryCompiler(), compiler: compiler}
	body, err := ast.ParseBody(string(answer) + " = " + entryPoint)
	if err == nil {
		q.body, err = q.local.Compile(body)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", entryPoint, err)
	}
	q.store = inmem.NewFromObjectWithOpts(data, inmem.OptReturnASTValuesOnRead(true), inmem.OptRoundTripOnWrite(false))
	if q.txn, err = q.store.NewTransaction(ctx); err != nil {
		return nil, fmt.Errorf("open the policy data: %w", err)
	}
	return q, nil
}

// lookUp is the value at a place of data, without a request.
func (q *query) lookUp(ref ast.Ref) (ast.Value, error) {
	one := *q
	one.body = ast.NewBody(ast.Equality.Expr(ast.NewTerm(answer), ast.NewTerm(ref)))
	cancel := topdown.NewCancel()
	defer time.AfterFunc(smokeTimeout, cancel.Cancel).Stop()
	return one.ask(context.Background(), nil, cancel, nil)
}

// ask evaluates the query; the value is nil where the entry point is undefined.
func (q *query) ask(ctx context.Context, input ast.Value, cancel topdown.Cancel, tune func(*topdown.Query)) (ast.Value, error) {
	t := topdown.NewQuery(q.body).WithQueryCompiler(q.local).WithCompiler(q.compiler).
		WithStore(q.store).WithTransaction(q.txn).WithCancel(cancel).
		WithMetrics(metrics.NoOp()).WithStrictBuiltinErrors(true)
	if input != nil {
		t.WithInput(ast.NewTerm(input))
	}
	if tune != nil {
		tune(t)
	}
	makeRoom(false)
	var value ast.Value
	err := t.Iter(ctx, func(result topdown.QueryResult) error {
		if term := result[answer]; term != nil {
			value = term.Value
		}
		return nil
	})
	return value, err
}

// makeRoom makes the goroutine's stack as large as an evaluation needs, for which its own frame is reason enough. OPA nests
// deeply: on a stack that grows with it, frame upon frame would be copied four times, which takes longer than a verdict.
//
//go:noinline
func makeRoom(use bool) byte {
	if !use {
		return 0
	}
	var frame [40 << 10]byte
	return last(&frame)
}

//go:noinline
func last(frame *[40 << 10]byte) byte { return frame[len(frame)-1] }
