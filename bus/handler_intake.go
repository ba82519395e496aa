package bus

import "context"

// lending is the intake of a handler: events in place, in its subscription's
// windows. While all of a lane's window is out, at work or behind a key, its
// events wait in the lane, as those of any subscriber that is busy.
type lending struct{ sub *Subscription }

func (l lending) receive(ctx context.Context, j *job, wait bool) (err error) {
	if wait {
		j.lent, err = l.sub.Take(ctx)
	} else {
		j.lent, err = l.sub.TryTake()
	}
	if err == nil {
		j.event = j.lent.Event()
	}
	return err
}

func (lending) finish(j *job) { j.lent.Ack() }

// drop leaves a durable subscription what had not begun.
func (lending) drop(j *job) { j.lent.abandon() }

// copying is the intake of a server: what is received is copied, so that the
// subscription goes on however long the functions take. It must: a server that
// waits until there is room for a reply may be the one that has to make it.
type copying struct{ sub *Subscription }

func (c copying) receive(ctx context.Context, j *job, wait bool) error {
	// Finished with the call: who has the lanes of a group next must not serve what
	// this one has, or has refused.
	w := waitFor{try: true}
	if wait {
		w = waitFor{ctx: ctx}
	}
	return c.sub.one(w, func(e *Event) error {
		j.event, j.own = &j.own, *e
		if j.bytes == nil {
			j.bytes = make([]byte, 0, 128)
		}
		j.bytes = append(append(j.bytes[:0], e.Value()...), e.Tail()...)
		j.own.slot, j.own.at = j.bytes, 0
		return nil
	})
}

func (copying) finish(*job) {}
func (copying) drop(*job)   {}
