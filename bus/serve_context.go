package bus

import (
	"context"
	"sync"
	"time"

	"github.com/rvoip/shmbus/shm"
)

// callContext is the context of one request: that of its server, with the
// caller's deadline. Most functions never ask for its end, so the timer is made
// only for one that does.
type callContext struct {
	server   context.Context
	deadline int64 // in ns of shm.Now, 0 for none

	mu     sync.Mutex
	over   bool // the function has returned
	timed  context.Context
	cancel context.CancelFunc
}

func newCallContext(server context.Context, deadline int64) *callContext {
	return &callContext{server: server, deadline: deadline}
}

// context makes the context that is behind this one.
func (c *callContext) context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil {
		if at, ok := c.Deadline(); ok {
			c.timed, c.cancel = context.WithDeadline(c.server, at)
		} else {
			c.timed, c.cancel = context.WithCancel(c.server)
		}
		if c.over {
			c.cancel()
		}
	}
	return c.timed
}

// Deadline is when the caller gives up.
func (c *callContext) Deadline() (time.Time, bool) {
	if c.deadline == 0 {
		return time.Time{}, false
	}
	return time.Now().Add(time.Duration(c.deadline - shm.Now())), true
}

// Done is closed at the deadline, when the server is closed, and when the
// function has returned.
func (c *callContext) Done() <-chan struct{} { return c.context().Done() }

// Value asks the context behind, by which the standard library finds out how it
// ends.
func (c *callContext) Value(key any) any { return c.context().Value(key) }

// Err says why it has ended.
func (c *callContext) Err() error {
	c.mu.Lock()
	timed, over := c.timed, c.over
	c.mu.Unlock()
	if timed != nil {
		return timed.Err()
	}
	if err := c.server.Err(); err != nil {
		return err
	}
	if over || c.deadline != 0 && shm.Now() >= c.deadline {
		return c.context().Err()
	}
	return nil
}

// finish ends it.
func (c *callContext) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.cancel != nil {
		c.cancel()
	}
}
