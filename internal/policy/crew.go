package policy

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// crew is a few goroutines that judge for all others. OPA needs a deep stack: on the goroutine of each connection it would be
// grown for every other request, since each collection of garbage shrinks it again, and there are many connections. The zero
// crew is ready to be used; its goroutines come as they are needed and go when nothing happens.
type crew struct {
	tasks   chan *task
	once    sync.Once
	members atomic.Int32
}

// task is one question to the crew. Who asks waits for done, then has the task to himself again.
type task struct {
	generation *generation
	ctx        context.Context
	input      ast.Value
	timeout    time.Duration
	verdict    Verdict
	err        error
	done       chan struct{}
}

var idleTasks = sync.Pool{New: func() any { return &task{done: make(chan struct{}, 1)} }}

const (
	// perCore is how many members there may be for each core. All but one are for requests that take long.
	perCore = 4
	// linger is how long a member waits for work before it goes.
	linger = 5 * time.Second
)

// decide has a member decide on an input document. While all are busy the caller does it himself: nobody queues.
func (c *crew) decide(ctx context.Context, g *generation, input ast.Value, timeout time.Duration) (Verdict, error) {
	c.once.Do(func() { c.tasks = make(chan *task) })
	t := idleTasks.Get().(*task)
	t.generation, t.ctx, t.input, t.timeout = g, ctx, input, timeout
	select {
	case c.tasks <- t:
	default:
		if c.members.Add(1) > perCore*int32(runtime.GOMAXPROCS(0)) {
			c.members.Add(-1)
			idleTasks.Put(t.reset())
			return g.decide(ctx, input, timeout)
		}
		go c.work(t)
	}
	<-t.done
	v, err := t.verdict, t.err
	idleTasks.Put(t.reset())
	return v, err
}

func (t *task) reset() *task {
	*t = task{done: t.done}
	return t
}

// work judges its first task, then what comes until nothing does.
func (c *crew) work(t *task) {
	defer c.members.Add(-1)
	idle := time.NewTimer(linger)
	defer idle.Stop()
	for {
		t.verdict, t.err = t.generation.decide(t.ctx, t.input, t.timeout)
		t.done <- struct{}{}
		idle.Reset(linger)
		select {
		case t = <-c.tasks:
		case <-idle.C:
			return
		}
	}
}
