package bus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/shm"
)

// ClientOptions say how a client calls. A nil *ClientOptions means all defaults.
type ClientOptions struct {
	// Name is what viewers show of the client's subscription to replies.
	Name string
	// Request and Reply override what the types say of themselves.
	Request, Reply TypeOptions
	// Timeout bounds each call whose context has no earlier deadline. Default
	// 5s; negative for none.
	Timeout time.Duration
	// Window and Wait are those of the client's subscription to replies.
	Window int
	Wait   Wait
}

const defaultCallTimeout = 5 * time.Second

// ClientStats count what one client did.
type ClientStats struct {
	Calls       uint64 // requests published
	Replied     uint64 // calls that got a reply, errors included
	Failed      uint64 // of these: a *RemoteError
	Abandoned   uint64 // calls given up, at their deadline or because their context ended
	Late        uint64 // replies that came for none that waits: too late, or from another server
	Missed      uint64 // events lost on the lanes of replies
	Outstanding int    // calls that wait
}

// RemoteError is what a call gets from a server instead of a reply.
type RemoteError struct {
	Server   int    // participant that served
	Text     string // of the error that its function returned, at most 1024 bytes
	Panicked bool   // the function panicked
	Refused  bool   // the function was not called: the error is an ErrOverloaded
}

func (e *RemoteError) Error() string {
	text := e.Text
	switch {
	case e.Refused:
		text = ErrOverloaded.Error()
	case text == "":
		text = "failed without a reason"
	}
	return fmt.Sprintf("bus: server %d: %s", e.Server, text)
}

// Is makes it an ErrOverloaded if the request was refused.
func (e *RemoteError) Is(target error) bool { return e.Refused && target == ErrOverloaded }

// Client calls servers: it publishes requests of type Req, and hands each reply
// of type Rep to the call that waits for it. Any number of goroutines may call at
// the same time.
//
// A request and its reply are events like others, on the lanes of their types,
// and whoever subscribes to the types sees them. A client takes the replies to
// its own calls alone; those of others it passes over by their header.
type Client[Req, Rep any] struct {
	bus     *Bus
	pub     *Publisher[Req]
	sub     *Subscriber[Rep]
	id      uint64 // random: no other has it, nor had it before
	timeout time.Duration
	servers servers
	idle    sync.Pool // of *waiter[Rep]
	open    context.Context
	shut    context.CancelFunc
	done    chan struct{}

	mu      sync.Mutex
	waiting map[uint64]*waiter[Rep]
	last    uint64
	closed  error

	calls, replied, failed, abandoned, late, missed atomic.Uint64
}

// waiter is a call that waits for its reply. Whoever takes it out of waiting says
// how it ends.
type waiter[Rep any] struct {
	into  *Message[Rep]
	own   Message[Rep]
	err   error
	no    int           // servers that have refused it and still serve
	ended chan struct{} // capacity 1
	timer *time.Timer
}

// NewClient returns a client. It fails as NewPublisher and Subscribe do.
func NewClient[Req, Rep any](b *Bus, o *ClientOptions) (*Client[Req, Rep], error) {
	if o == nil {
		o = &ClientOptions{}
	}
	pub, err := NewPublisher[Req](b, &PublisherOptions{Type: o.Request})
	if err != nil {
		return nil, err
	}
	if _, err := pub.route(&With{parts: &parts{bits: requestParts}}); err != nil {
		return nil, err
	}
	c := &Client[Req, Rep]{
		bus: b, pub: pub, id: rand.Uint64(), timeout: o.Timeout,
		servers: servers{bus: b, typ: &pub.typ},
		done:    make(chan struct{}), waiting: make(map[uint64]*waiter[Rep]),
	}
	c.open, c.shut = context.WithCancel(context.Background())
	if c.timeout == 0 {
		c.timeout = defaultCallTimeout
	}
	c.idle.New = func() any {
		timer := time.NewTimer(time.Hour)
		timer.Stop()
		return &waiter[Rep]{ended: make(chan struct{}, 1), timer: timer}
	}
	c.sub, err = Subscribe[Rep](b, &SubscribeOptions{
		Name: o.Name, Type: o.Reply, Window: o.Window, Wait: o.Wait, Timeout: -1, awaits: c.underWay, Filter: repliesTo(c.id),
	})
	if err != nil {
		return nil, err
	}
	go c.receive()
	return c, nil
}

// Call sends a request and waits for the reply. When nobody serves it fails with
// ErrNoSubscriber at once. When the reply has not come by the deadline, which
// ctx or Timeout sets, it fails with ErrTimeout; whether the request was served
// is then not known. Other errors are *RemoteError, what ended ctx, ErrClosed, and
// those of Publish.
func (c *Client[Req, Rep]) Call(ctx context.Context, req *Req) (rep Rep, err error) {
	w := c.waiter()
	w.into = &w.own
	if err = c.call(ctx, codec.AsBytes(req), With{}, w); err == nil {
		rep = w.own.Value
	}
	c.idle.Put(w)
	return rep, err
}

// CallWith is Call for a request with a key or a tail. It returns all of the
// reply. Requests of one key are served in the order in which they were sent.
func (c *Client[Req, Rep]) CallWith(ctx context.Context, req *Req, with With) (m Message[Rep], err error) {
	err = c.CallInto(ctx, req, with, &m)
	return m, err
}

// CallInto is CallWith into the memory of an earlier reply. After an error *m is
// as it was, or the reply.
func (c *Client[Req, Rep]) CallInto(ctx context.Context, req *Req, with With, m *Message[Rep]) error {
	w := c.waiter()
	w.into = m
	err := c.call(ctx, codec.AsBytes(req), with, w)
	w.into = nil
	c.idle.Put(w)
	return err
}

// MaxTail is how many bytes of tail a request of this client can carry.
func (c *Client[Req, Rep]) MaxTail() int { return c.pub.MaxTail() - 8*requestParts }

func (c *Client[Req, Rep]) waiter() *waiter[Rep] {
	w := c.idle.Get().(*waiter[Rep])
	w.err, w.no = nil, 0
	return w
}

// call sends a request and waits until w has ended. Nobody has w afterwards.
func (c *Client[Req, Rep]) call(ctx context.Context, req []byte, with With, w *waiter[Rep]) error {
	deadline, own, err := c.deadline(ctx)
	if err == nil {
		err = c.servers.check()
	}
	if err != nil {
		return fmt.Errorf("call: %w", timedOut(err))
	}
	id, err := c.enter(w)
	if err != nil {
		return err
	}
	defer c.returned()
	request := requestOf(id, c.id, deadline)
	with.parts = &request
	if err := c.send(ctx, req, with, deadline); err != nil {
		if c.take(id) == nil {
			<-w.ended // Close has failed it
		}
		return fmt.Errorf("call: %w", timedOut(err))
	}
	c.calls.Add(1)
	var late <-chan time.Time // nil, unless the deadline is ours
	if own {
		w.timer.Reset(time.Duration(deadline - shm.Now()))
		defer w.timer.Stop()
		late = w.timer.C
	}
	select {
	case <-w.ended:
		return w.err
	case <-ctx.Done():
		err = ended(ctx)
	case <-late:
		err = ErrTimeout
	}
	if c.take(id) == nil {
		<-w.ended // at this very moment
		return w.err
	}
	c.abandoned.Add(1)
	return fmt.Errorf("call %d: no reply: %w", id, timedOut(err))
}

// timedOut makes every deadline that has passed an ErrTimeout, whosever it was.
func timedOut(err error) error {
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrTimeout) {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}

// deadline is when a call that begins now gives up, 0 for never, and whether
// that is for us to see to: the end of ctx is not.
func (c *Client[Req, Rep]) deadline(ctx context.Context) (at int64, own bool, err error) {
	if err := ended(ctx); err != nil {
		return 0, false, err
	}
	now := shm.Now()
	if c.timeout > 0 {
		at, own = later(now, c.timeout), true
	}
	if end, ok := ctx.Deadline(); ok {
		if d := later(now, time.Until(end)); at == 0 || d < at {
			at, own = d, false
		}
	}
	return at, own, nil
}

// send publishes a request. It waits for room only until the deadline, and for as
// long as the client is open.
func (c *Client[Req, Rep]) send(ctx context.Context, req []byte, with With, deadline int64) error {
	err := c.pub.publish(ctx, req, &with, false)
	if !errors.Is(err, ErrFull) {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.open, func() { cancel(ErrClosed) })()
	if deadline != 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, time.Duration(deadline-shm.Now()))
		defer stop()
	}
	return c.pub.publish(ctx, req, &with, true)
}

// enter makes w wait.
func (c *Client[Req, Rep]) enter(w *waiter[Rep]) (id uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return 0, c.closed
	}
	c.last++
	c.waiting[c.last] = w
	return c.last, nil
}

// take takes a call out of those that wait, or returns nil if somebody else has.
func (c *Client[Req, Rep]) take(id uint64) *waiter[Rep] {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waiting[id]
	delete(c.waiting, id)
	return w
}

// underWay tells whether a call waits for its reply.
func (c *Client[Req, Rep]) underWay() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting) > 0
}

// returned lets Drain know that a call has ended.
func (c *Client[Req, Rep]) returned() {
	if c.bus.draining.Load() {
		c.bus.stir()
	}
}

// receive hands replies to those who wait, until the subscription is closed.
func (c *Client[Req, Rep]) receive() {
	defer close(c.done)
	var err error
	corrupt := 0
	for reply := c.reply; ; corrupt = rest(corrupt, err) {
		_, err = c.sub.s.ViewBatch(context.Background(), defaultWindow, reply)
		if err != nil && !c.goesOn(err) {
			c.fail(err)
			return
		}
	}
}

// goesOn counts what the subscription has met, and tells whether it goes on.
func (c *Client[Req, Rep]) goesOn(err error) bool {
	if lag, ok := errors.AsType[*LagError](err); ok {
		// Which calls it was nobody knows; they will see their deadline.
		c.missed.Add(lag.Missed)
		return true
	}
	return errors.Is(err, ErrCorrupt)
}

// repliesTo takes the replies to one client. What is no reply it passes over by its
// header alone, and those to others without a look at their values.
func repliesTo(client uint64) Filter {
	const is = partCall | partReply
	reply := filterNode{text: "replies", rank: rankHeader, compile: fixedTest(func(e *Event) bool { return e.raw.parts()&is == is })}
	ours := filterNode{text: "ours", rank: rankField, compile: fixedTest(func(e *Event) bool {
		return e.parts.isCall() && e.parts.words[1] == client
	})}
	return And(Filter{&reply}, Filter{&ours})
}

// served tells whether somebody else may still serve a call that one server has
// refused.
func (c *Client[Req, Rep]) served(e *Event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waiting[e.parts.words[0]]
	if w == nil {
		return false
	}
	if e.parts.bits&partLeaving == 0 {
		w.no++
	}
	return w.no < c.servers.count()
}

// reply hands one reply to the call that waits for it.
func (c *Client[Req, Rep]) reply(e *Event) error {
	if e.parts.bits&partRefused != 0 && c.served(e) {
		return nil
	}
	w := c.take(e.parts.words[0])
	if w == nil {
		c.late.Add(1)
		return nil
	}
	// Also if the event is not what it should be, or its memory goes away.
	defer func() { w.ended <- struct{}{} }()
	w.err = ErrFault
	v, err := c.sub.value(e)
	if w.err = err; err != nil {
		return nil
	}
	c.replied.Add(1)
	if e.parts.bits&partFailed != 0 {
		c.failed.Add(1)
		w.err = &RemoteError{
			Server: e.Header().Source, Panicked: e.parts.bits&partPanicked != 0, Refused: e.parts.bits&partRefused != 0,
			Text: cut(string(e.Tail()[:min(len(e.Tail()), maxRemoteText)]), maxRemoteText),
		}
		return nil
	}
	w.into.copy(v, e)
	return nil
}

// fail ends all calls, and lets no more begin.
func (c *Client[Req, Rep]) fail(err error) {
	c.shut()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil {
		c.closed = fmt.Errorf("client: %w", err)
	}
	for id, w := range c.waiting {
		delete(c.waiting, id)
		w.err = c.closed
		w.ended <- struct{}{}
	}
}

// Close fails the calls under way with ErrClosed, and gives the client's
// subscription back. It is idempotent, and may be called from any goroutine.
func (c *Client[Req, Rep]) Close() error {
	c.fail(ErrClosed)
	err := c.sub.Close()
	<-c.done
	return errors.Join(err, c.pub.Close())
}

// Stats returns what the client has counted. It is safe for concurrent use.
func (c *Client[Req, Rep]) Stats() ClientStats {
	c.mu.Lock()
	n := len(c.waiting)
	c.mu.Unlock()
	return ClientStats{
		Calls: c.calls.Load(), Replied: c.replied.Load(), Failed: c.failed.Load(), Abandoned: c.abandoned.Load(),
		Late: c.late.Load(), Missed: c.missed.Load(), Outstanding: n,
	}
}
