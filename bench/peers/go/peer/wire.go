package peer

import (
	"errors"
	"fmt"
	"os"

	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// pair is what connects one publisher with one subscriber.
type pair struct{ write, read *os.File }

// wirePairs makes a pair for each way of a run: first what a role writes to,
// then what it reads from.
func wirePairs(c proto.Config, makePair func() (pair, error)) (_ Wiring, err error) {
	w := Wiring{}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	connect := func(from, to string) error {
		p, err := makePair()
		if err != nil {
			return err
		}
		w[from] = append(w[from], p.write)
		w[to] = append(w[to], p.read)
		return nil
	}
	if c.Workload == proto.Pingpong {
		ping, pong := Seat(proto.RolePing, 0), Seat(proto.RolePong, 0)
		if err := connect(ping, pong); err != nil {
			return w, err
		}
		if err := connect(pong, ping); err != nil {
			return w, err
		}
		// Pong got what it reads from first.
		w[pong][0], w[pong][1] = w[pong][1], w[pong][0]
		return w, nil
	}
	for i := range c.Subs {
		if err := connect(Seat(proto.RolePub, 0), Seat(proto.RoleSub, i)); err != nil {
			return w, err
		}
	}
	return w, nil
}

// fileEnds are ends over inherited files.
type fileEnds struct {
	files []*os.File
	both  bool // the first is to write, the second to read
	pub   func(files []*os.File) Publisher
	sub   func(file *os.File) Subscriber
}

// openFiles takes the files of a seat as wirePairs made them.
func openFiles(c proto.Config, files []*os.File, pub func([]*os.File) Publisher, sub func(*os.File) Subscriber) (Ends, error) {
	want := 1
	switch c.Role {
	case proto.RolePub:
		want = c.Subs
	case proto.RolePing, proto.RolePong:
		want = 2
	}
	if len(files) != want {
		return nil, fmt.Errorf("%d files for %s, want %d: start roles through peers, which wires them", len(files), c.Role, want)
	}
	return &fileEnds{files, c.Workload == proto.Pingpong, pub, sub}, nil
}

// Publisher of a ping-pong has the first file, that of a stream all.
func (e *fileEnds) Publisher(int) (Publisher, error) {
	if e.both {
		return e.pub(e.files[:1]), nil
	}
	return e.pub(e.files), nil
}

func (e *fileEnds) Subscriber(int, int) (Subscriber, error) {
	return e.sub(e.files[len(e.files)-1]), nil
}

func (e *fileEnds) Close() error {
	var errs []error
	for _, f := range e.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
