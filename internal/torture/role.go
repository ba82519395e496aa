package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/rvoip/shmbus/bus"
)

// stage is what a process of a run has.
type stage struct {
	spec
	dir   string
	book  *book
	place *place
	bus   *bus.Bus
}

const violationsName = "violations"

// play is the life of one process: it does what its spec says until it is told to
// leave, by SIGTERM.
func play(dir, text string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := &stage{dir: dir}
	if err := json.Unmarshal([]byte(text), &s.spec); err != nil {
		return err
	}
	var err error
	if s.book, err = openBook(dir, false); err != nil {
		return err
	}
	s.place = &s.book.places[s.Place]
	err = s.run(ctx)
	if _, ok := errors.AsType[*violation](err); ok {
		return report(dir, fmt.Sprintf("place %d in its life %d, %s: %v", s.Place, s.Life, text, err))
	}
	return err
}

func (s *stage) run(ctx context.Context) (err error) {
	o := options(s.dir, fmt.Sprintf("%s-%d", s.Role, s.Place), s.Calm)
	if s.bus, err = bus.Open(regionName, o); err != nil {
		return err
	}
	switch s.Role {
	case "publish":
		err = s.publish(ctx)
	case "subscribe":
		err = s.subscribe(ctx)
	case "handle":
		err = s.handle(ctx)
	default:
		err = fmt.Errorf("no role is called %q", s.Role)
	}
	return errors.Join(err, s.bus.Close())
}

func (s *stage) ready() { s.place.w[placeReady].Store(s.Life) }

// violation is an invariant that does not hold.
type violation struct{ err error }

func (v *violation) Error() string { return v.err.Error() }
func (v *violation) Unwrap() error { return v.err }

// broken makes err a violation, unless it is nil.
func broken(err error) error {
	if err == nil {
		return nil
	}
	return &violation{err}
}

// report appends to the violations of the run: one write each.
func report(dir, text string) error {
	f, err := os.OpenFile(filepath.Join(dir, violationsName), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text + "\n")
	return errors.Join(err, f.Close())
}

// timed runs f as a publish on a lane whose length counts, and notes the longest. Time in which this process was frozen does not count.
func (s *stage) timed(lane, longest int, f func() error) error {
	w := s.place.w
	freezes, begin := w[placeFreezes].Load(), bus.Now()
	w[placeKind].Store(uint64(opPublish | lane<<8))
	w[placeOp].Store(uint64(begin))
	err := f()
	took := uint64(bus.Now() - begin)
	w[placeOp].Store(0)
	if freezes%2 == 0 && w[placeFreezes].Load() == freezes && took > w[longest].Load() {
		w[longest].Store(took)
	}
	return err
}
