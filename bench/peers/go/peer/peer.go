package peer

import (
	"fmt"
	"os"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// Publisher sends events; one goroutine uses it.
type Publisher interface {
	// Publish has w write n events where the peer wants them, and sends them.
	Publish(w *event.Writer, n int) error
	// Flush sends what was kept back: at the end, and when an answer is awaited.
	Flush() error
	Close() error
}

// Subscriber receives events; one goroutine uses it.
type Subscriber interface {
	// Run shows each event, until see says that it wants no more.
	Run(see func(event []byte) bool) error
	Close() error
}

// Ends opens the ends of links. In a peer that works in one process all its
// goroutines share one.
type Ends interface {
	Publisher(link int) (Publisher, error)
	Subscriber(link, index int) (Subscriber, error)
	Close() error
}

// Caller is implemented by ends whose own way of a ping-pong is a call and its
// answer.
type Caller interface {
	// Call sends an event that w writes and shows the one that comes back.
	Call(w *event.Writer, see func([]byte) bool) error
	// Answer sends one event for each that see was shown, until see says stop.
	Answer(w *event.Writer, see func([]byte) bool) error
}

// Go is a peer written in Go.
type Go struct {
	proto.Peer

	open func(c proto.Config, files []*os.File) (Ends, error)
	// wire makes what the roles of a run inherit, by the role's name; nil for
	// peers that find each other by a name.
	wire func(c proto.Config) (Wiring, error)
	// broker serves until stop is closed, and tells its address when it is up.
	broker func(c proto.Config, ready func(info string) error, stop <-chan struct{}) error
}

// Wiring is which files a role inherits, by [Seat].
type Wiring map[string][]*os.File

// Seat names a role among those of a run.
func Seat(role string, index int) string { return fmt.Sprintf("%s-%d", role, index) }

// Close closes all files.
func (w Wiring) Close() {
	for _, files := range w {
		for _, f := range files {
			f.Close()
		}
	}
}

// Wire makes what the roles of a run inherit.
func (g *Go) Wire(c proto.Config) (Wiring, error) {
	if g.wire == nil {
		return nil, nil
	}
	return g.wire(c)
}

var streams = []string{proto.Seed, proto.Fanout, proto.Pingpong}

// All are the peers written in Go, also those that are missing here.
func All() []*Go {
	return []*Go{
		channels, mutexRing, watermillChannel, eventBus,
		flipcallPeer, pipePeer, unixStream, unixPacked, unixSeqpacket,
		natsPeer, zeroMQ, goZeroMQ,
	}
}

// Named returns the peer of a name.
func Named(name string) (*Go, error) {
	for _, g := range All() {
		if g.Name == name {
			if g.Missing != "" {
				return nil, fmt.Errorf("%s is missing: %s", name, g.Missing)
			}
			return g, nil
		}
	}
	return nil, fmt.Errorf("no peer is called %q; peers list names them", name)
}
