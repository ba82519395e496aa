package bus

import "context"

// copying is the intake of a server: what is received is copied, so that the
// subscription goes on however long the functions take. It must: a server that
// waits until there is room for a reply may be the one that has to make it.
type copying struct {
	sub  *Subscription
	most int // events out at the same time, 0 for any
}

func (c *copying) receive(ctx context.Context, j *job, wait bool) error {
	w := waitFor{try: true, copies: true}
	if wait {
		w = waitFor{ctx: ctx, copies: true}
	}
	return c.sub.one(w, func(e *Event) error {
		j.event = *e
		if j.bytes == nil {
			j.bytes = make([]byte, 0, 128)
		}
		j.bytes = append(append(j.bytes[:0], e.Value()...), e.Tail()...)
		j.event.slot, j.event.at = j.bytes, 0
		return nil
	})
}

func (c *copying) room(out, _ int) bool { return c.most == 0 || out < c.most }

func (c *copying) finish(*job) {}
func (c *copying) drop(*job)   {}
