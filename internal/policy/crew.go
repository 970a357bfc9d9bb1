package policy

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/graphwarden/graphwarden/internal/graph"
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
	request    *graph.Request
	context    Context
	timeout    time.Duration
	verdict    Verdict
	done       chan struct{}
}

var idleTasks = sync.Pool{New: func() any { return &task{done: make(chan struct{}, 1)} }}

const (
	// perCore is how many members there may be for each core. All but one are for requests that take long.
	perCore = 4
	// linger is how long a member waits for work before it goes.
	linger = 5 * time.Second
)

// judge has a request judged by a member. While all are busy the caller does it himself: nobody queues.
func (c *crew) judge(g *generation, ctx context.Context, r *graph.Request, about Context, timeout time.Duration) Verdict {
	c.once.Do(func() { c.tasks = make(chan *task) })
	t := idleTasks.Get().(*task)
	t.generation, t.ctx, t.request, t.context, t.timeout = g, ctx, r, about, timeout
	select {
	case c.tasks <- t:
	default:
		if c.members.Add(1) > perCore*int32(runtime.GOMAXPROCS(0)) {
			c.members.Add(-1)
			idleTasks.Put(t.reset())
			return g.judge(ctx, r, about, timeout)
		}
		go c.work(t)
	}
	<-t.done
	v := t.verdict
	idleTasks.Put(t.reset())
	return v
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
		t.verdict = t.generation.judge(t.ctx, t.request, t.context, t.timeout)
		t.done <- struct{}{}
		idle.Reset(linger)
		select {
		case t = <-c.tasks:
		case <-idle.C:
			return
		}
	}
}
