package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/shm"
)

// ServeOptions say how a server takes requests. A nil *ServeOptions means all
// defaults.
type ServeOptions struct {
	// SubscribeOptions are those of the server's subscription to requests, as
	// of handlers with a Backlog. Type overrides what the request's type says of
	// itself. Timeout has no effect. A server cannot be Durable: nobody waits for
	// so long.
	SubscribeOptions
	// Reply overrides what the reply's type says of itself.
	Reply TypeOptions
	// MaxConcurrent is how many requests are served at the same time, 1 to
	// 4096. Default 16.
	MaxConcurrent int
	// Backlog is how many requests may wait in this process until others have
	// been served. A server takes its requests out of their lane as they come,
	// so that it never holds the lane back, and one that is too much is
	// refused: its caller gets a *RemoteError that is ErrOverloaded. Default
	// 1024.
	Backlog int
	// OnError is told what no caller learns, or what its server should know
	// as well: a *LagError, a *PanicError with the stack, a reply that could not
	// be published. It is called on the server's goroutines, by several at
	// the same time. Default: errors are counted, and otherwise ignored.
	OnError func(error)
}

// ServerStats count what one server did.
type ServerStats struct {
	SubscriberStats        // Missed is what it has lost, requests among it
	Answered        uint64 // requests whose reply was published, errors included
	Failed          uint64 // of these: the function returned an error
	Panicked        uint64 // of these: it panicked
	Expired         uint64 // requests that came to be served after their deadline
	Refused         uint64 // requests that found the Backlog full, or a server that closes
	Unanswered      uint64 // replies that could not be published in time
	Ignored         uint64 // events of the request's type that were no requests
	Running         int    // functions at work
	Waiting         int    // requests that wait for another of their key, or for a function
}

// Reply is what a server's function fills in.
type Reply[T any] struct {
	// Value is zero at first.
	Value T
	// Tail are variable bytes behind the value, empty at first. Append to it:
	// its memory is used again.
	Tail []byte
}

// Server answers the requests of one type. Its methods are safe for concurrent
// use.
type Server struct {
	d       *dispatcher
	calls   invoker
	request goType
	pub     *publisher // of the replies

	answered, failed, panicked, expired, refused, unanswered, ignored atomic.Uint64
}

// defaultBacklog is how many requests wait if nobody says.
const defaultBacklog = 1024

// maxRemoteText bounds the text of an error that a server sends, in bytes.
const maxRemoteText = 1024

// Serve answers every request of type Req with what fn returns: a value of type
// Rep, or an error, whose text the caller gets as a *RemoteError. fn gets the
// request in place: nothing of it may be used after fn has returned, nor written.
// Its context has the caller's deadline, and ends when the server is closed.
//
// Requests of one key are served one after the other, in the order of their lane;
// those without a key, and of different keys, at the same time. A request whose
// deadline has passed before its turn is dropped and counted. A panic of fn is
// an error to that one caller, and reported to OnError.
//
// Where several servers of a type exist, in whatever processes, each of them
// serves every request, and the caller gets the reply that comes first. Servers of
// one Group share the requests instead: one serves each, those of a key the same
// one as long as it is there. What a server had taken when its process died is not
// served by another, and its caller sees the deadline.
//
// Close the server when it is no longer needed; closing the bus closes it, too.
// Its errors are those of Subscribe and NewPublisher.
func Serve[Req, Rep any](b *Bus, o *ServeOptions, fn func(ctx context.Context, req *Req, e *Event) (Rep, error)) (*Server, error) {
	return ServeReply(b, o, func(ctx context.Context, req *Req, e *Event, r *Reply[Rep]) (err error) {
		r.Value, err = fn(ctx, req, e)
		return err
	})
}

// ServeReply is Serve for replies with a tail: fn fills *r in, which must not be
// used after fn has returned.
func ServeReply[Req, Rep any](b *Bus, o *ServeOptions, fn func(ctx context.Context, req *Req, e *Event, r *Reply[Rep]) error) (*Server, error) {
	var opts ServeOptions
	if o != nil {
		opts = *o
	}
	if opts.MaxConcurrent == 0 {
		opts.MaxConcurrent = defaultConcurrent
	}
	if opts.Backlog == 0 {
		opts.Backlog = defaultBacklog
	}
	switch {
	case opts.Durable != "":
		return nil, fmt.Errorf("%w: a server cannot be Durable", ErrOptions)
	case opts.Backlog < 0:
		return nil, fmt.Errorf("%w: Backlog is %d, must not be negative", ErrOptions, opts.Backlog)
	}
	if err := checkConcurrent(opts.MaxConcurrent); err != nil {
		return nil, err
	}
	req, err := typeFor[Req](b, opts.Type)
	if err != nil {
		return nil, err
	}
	pub, err := NewPublisher[Rep](b, &PublisherOptions{Type: opts.Reply})
	if err != nil {
		return nil, err
	}
	pub.late = true // a reply is the end of a request that has been accepted
	s := &Server{request: req, pub: &pub.publisher}
	if _, err := s.pub.route(&With{parts: &parts{bits: replyParts}}); err != nil {
		return nil, err
	}
	if len(opts.Priorities) == 0 {
		opts.Priorities = req.also.with(req.priority).list()
	}
	opts.serves, opts.Timeout = req.id, -1
	replies := sync.Pool{New: func() any { return new(Reply[Rep]) }}
	s.calls = invoker{bus: b, onError: opts.OnError, ended: s.ended, call: func(e *Event) error {
		ctx, err := s.admit(e)
		if err != nil {
			return err
		}
		defer ctx.finish()
		r := replies.Get().(*Reply[Rep])
		*r = Reply[Rep]{Tail: r.Tail[:0]}
		if err = fn(ctx, codec.Cast[Req](e.Value()), e, r); err == nil {
			err = s.answer(ctx, e, codec.AsBytes(&r.Value), r.Tail, 0)
		}
		replies.Put(r)
		return err
	}}
	sub, err := b.subscribe(&opts.SubscribeOptions, []TypeID{req.id})
	if err != nil {
		return nil, err
	}
	s.d = newDispatcher(sub, copying{sub}, opts.MaxConcurrent, &s.calls)
	s.d.takesAll(opts.Backlog, s.decline)
	s.d.sweeps = true
	s.d.start()
	return s, nil
}

// What becomes of a request that is not served. Nobody gets to see these.
var (
	errIgnored = errors.New("bus: no request")
	errExpired = errors.New("bus: request has expired")
)

// unsent is the error of a reply that could not be published.
type unsent struct{ err error }

func (e *unsent) Error() string { return "publish the reply: " + e.err.Error() }
func (e *unsent) Unwrap() error { return e.err }

// admit tells whether an event is to be served, and until when.
func (s *Server) admit(e *Event) (*callContext, error) {
	c, ok := e.Call()
	switch {
	case !ok || c.Reply:
		return nil, errIgnored
	case c.Deadline != 0 && shm.Now() >= c.Deadline:
		return nil, errExpired
	}
	if err := e.sized(s.request.size); err != nil {
		return nil, err
	}
	return newCallContext(s.d.running, c.Deadline), nil
}

// answer publishes a reply. It waits for room no longer than the caller waits.
func (s *Server) answer(ctx context.Context, e *Event, value, tail []byte, bits uint16) error {
	p := e.parts.reply(bits)
	w := s.with(e, tail, &p)
	err := s.pub.publish(ctx, value, &w, false)
	if errors.Is(err, ErrFull) {
		err = s.pub.publish(ctx, value, &w, true)
	}
	if err != nil {
		return &unsent{err}
	}
	s.answered.Add(1)
	return nil
}

// with is what a reply carries: the key of its request, and its priority if the
// reply's type declares that.
func (s *Server) with(e *Event, tail []byte, p *parts) With {
	w := With{Key: e.Header().Key, Tail: tail, parts: p, Priority: e.Header().Priority}
	if s.pub.levels[w.Priority].shards == 0 {
		w.Priority = 0
	}
	return w
}

// decline answers a request that is not to be served, without waiting.
func (s *Server) decline(e *Event, leaving bool) error {
	if c, ok := e.Call(); !ok || c.Reply {
		s.ignored.Add(1)
		return nil
	}
	s.refused.Add(1)
	bits := uint16(partFailed | partRefused)
	if leaving && s.d.sub.group == nil {
		bits |= partLeaving // in a group nobody else has it
	}
	p := e.parts.reply(bits)
	w := s.with(e, nil, &p)
	if err := s.pub.publish(context.Background(), make([]byte, s.pub.typ.size), &w, false); err != nil {
		s.unanswered.Add(1)
	}
	return nil
}

// ended counts how a request has ended, and lets its caller know of an error.
func (s *Server) ended(e *Event, err error) {
	if err != nil {
		s.failing(e, err)
	}
}

func (s *Server) failing(e *Event, err error) {
	var panicked *PanicError
	var lost *unsent
	switch {
	case errors.Is(err, errIgnored):
		s.ignored.Add(1)
	case errors.Is(err, errExpired):
		s.expired.Add(1)
	case errors.As(err, &panicked):
		s.panicked.Add(1)
		s.explain(e, fmt.Errorf("panic: %v", panicked.Value), partPanicked)
		s.calls.tell(err)
	case errors.As(err, &lost) && !errors.Is(err, ErrTooLarge):
		s.lose(e, err)
	default:
		s.failed.Add(1)
		s.explain(e, err, 0)
	}
}

// explain answers a request with an error.
func (s *Server) explain(e *Event, err error, bits uint16) {
	c, _ := e.Call()
	ctx := newCallContext(s.d.running, c.Deadline)
	defer ctx.finish()
	text := cut(err.Error(), min(maxRemoteText, s.room(e)))
	if err := s.answer(ctx, e, make([]byte, s.pub.typ.size), []byte(text), partFailed|bits); err != nil {
		s.lose(e, err)
	}
}

// room is how many bytes of tail the reply to e may have.
func (s *Server) room(e *Event) int {
	return max(s.pub.levels[s.with(e, nil, nil).Priority].room-8*replyParts, 0)
}

// lose counts a reply that could not be published.
func (s *Server) lose(e *Event, err error) {
	s.unanswered.Add(1)
	s.calls.tell(fmt.Errorf("request %d of lane %s: %w", e.Header().Position, laneName(e.Header().Priority, e.Header().Shard), err))
}

// cut shortens a text to at most n bytes of valid UTF-8.
func cut(text string, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return strings.ToValidUTF8(text, "")
}

// Stop makes the server one that does not serve any more: callers that find no
// other get ErrNoSubscriber. It waits until the functions at work have returned;
// when ctx ends first, their context ends, and Stop returns the error of ctx.
// What had come and not begun is refused. Of the server's own functions none
// may wait for Stop: there, give it a context that has ended.
func (s *Server) Stop(ctx context.Context) error {
	err := s.resign()
	return errors.Join(err, s.d.stop(ctx))
}

// Close ends the context of the functions at work, waits until they have
// returned, and gives the subscription back. It is idempotent. The server's own
// functions must not call it, since it waits for them; see Stop.
func (s *Server) Close() error {
	err := s.resign()
	s.d.close()
	return err
}

// resign tells callers that this server does not serve any more.
func (s *Server) resign() error {
	sub := s.d.sub
	err := sub.bus.guarded(func() error {
		sub.bus.region.subscribers[sub.record].resign(sub.word, s.request.id)
		return nil
	})
	if errors.Is(err, ErrClosed) {
		return nil // the bus has gone, and with it this server
	}
	return err
}

// Done is closed when the server has ended, by Stop, Close or the end of the
// bus, and none of its functions runs any more.
func (s *Server) Done() <-chan struct{} { return s.d.done }

// Stats returns what the server has counted.
func (s *Server) Stats() ServerStats {
	st := ServerStats{
		SubscriberStats: s.d.sub.Stats(),
		Answered:        s.answered.Load(), Failed: s.failed.Load(), Panicked: s.panicked.Load(),
		Expired: s.expired.Load(), Refused: s.refused.Load(), Unanswered: s.unanswered.Load(), Ignored: s.ignored.Load(),
	}
	st.Running, st.Waiting = s.d.counts()
	return st
}
