package peer

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// Serve is one process of a run: it talks to the conductor over in and out.
func Serve(in io.Reader, out io.Writer) error {
	s := &station{lines: bufio.NewReader(in), out: json.NewEncoder(out), gone: make(chan struct{})}
	if err := s.serve(); err != nil {
		return errors.Join(err, s.out.Encode(proto.Answer{Error: err.Error()}))
	}
	return nil
}

// station is a role's line to its conductor.
type station struct {
	lines *bufio.Reader
	out   *json.Encoder
	over  atomic.Bool   // the role has reported, or is a broker: it may be told to end
	gone  chan struct{} // closed when the conductor has closed the line
}

func (s *station) serve() error {
	line, err := s.lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	var c proto.Config
	if err := json.Unmarshal(line, &c); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	g, err := Named(c.Peer)
	if err != nil {
		return err
	}
	if c.Role == proto.RoleBroker {
		return s.serveBroker(g, c)
	}
	ends, err := g.open(c, inherited(c.Files))
	if err != nil {
		return fmt.Errorf("open %s: %w", c.Peer, err)
	}
	reports, err := s.play(c, ends)
	if err != nil {
		return errors.Join(err, ends.Close())
	}
	s.over.Store(true) // pairs with the load in await
	if err := s.out.Encode(proto.Answer{Reports: reports}); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	// A peer that leaves early may take away what others still read.
	<-s.gone
	return ends.Close()
}

// begin says that the role has joined, and waits for the word to go.
func (s *station) begin(info string) error {
	if err := s.out.Encode(proto.Answer{Ready: true, Info: info}); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if _, err := s.lines.ReadString('\n'); err != nil {
		return fmt.Errorf("wait for the word to begin: %w", err)
	}
	go s.await()
	return nil
}

// await ends a process that lost its conductor in the middle of a run.
func (s *station) await() {
	_, _ = io.Copy(io.Discard, s.lines)
	if !s.over.Load() {
		os.Exit(1)
	}
	close(s.gone)
}

func (s *station) serveBroker(g *Go, c proto.Config) error {
	if g.broker == nil {
		return fmt.Errorf("%s has no broker", g.Name)
	}
	var before usage
	s.over.Store(true)
	up := func(info string) error {
		if err := s.begin(info); err != nil {
			return err
		}
		before = used()
		return nil
	}
	if err := g.broker(c, up, s.gone); err != nil {
		return fmt.Errorf("broker of %s: %w", g.Name, err)
	}
	r := proto.Report{Role: proto.RoleBroker}
	before.since(&r)
	return s.out.Encode(proto.Answer{Reports: []proto.Report{r}})
}

// inherited are the files that the conductor passed on, behind the standard ones.
func inherited(n int) []*os.File {
	const first = 3
	files := make([]*os.File, n)
	for i := range files {
		files[i] = os.NewFile(uintptr(first+i), fmt.Sprintf("inherited %d", i))
	}
	return files
}
