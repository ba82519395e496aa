package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/program"
)

const removeWait = 3 * time.Second

// Main runs the demo and returns the exit status: 0 if every call went through and nothing was lost.
func Main(args []string, out, errOut io.Writer) int {
	o, err := parse(args, errOut)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(errOut, "demo: %v\n", err)
		}
		return 2
	}
	// All that may end the demo early, a terminal or pipe that goes away included, so that it always cleans up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	r, err := run(ctx, o, out)
	if err != nil {
		fmt.Fprintf(errOut, "\ndemo: %v\n", err)
		return 1
	}
	r.print(out)
	if len(r.problems()) > 0 {
		return 1
	}
	return 0
}

// run starts the switch, has it called, and stops it. Whatever happens, nothing is left: no process, no region, no file.
func run(ctx context.Context, o *options, out io.Writer) (_ *result, err error) {
	temp, err := os.MkdirTemp("", "voip-demo-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()

	s := &session{o: o, temp: temp, progress: newProgress(out), opts: &bus.Options{Dir: o.Dir, Process: "demo", Geometry: events.Geometry()}}
	s.name = fmt.Sprintf("voip-demo-%d", os.Getpid())
	if s.bus, err = bus.Open(s.name, s.opts); err != nil {
		return nil, fmt.Errorf("opening the bus: %w", err)
	}
	defer func() {
		s.kill()
		s.progress.end()
		err = errors.Join(err, s.bus.Close(), s.remove())
	}()
	if s.monitor, err = newMonitor(s.bus, s.opts); err != nil {
		return nil, fmt.Errorf("watching the bus: %w", err)
	}
	defer s.monitor.close()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	if err := s.calls(ctx); err != nil {
		return nil, err
	}
	return s.finish()
}

// session is a switch at work.
type session struct {
	o        *options
	name     string // of the region
	temp     string
	progress *progress
	opts     *bus.Options
	bus      *bus.Bus
	monitor  *monitor

	sipd, rtpd, mediad *process
	client             *client
	began              time.Time
	kills              []kill
}

// kill is a kill of mediad that was carried out.
type kill struct {
	Before, After int // process ids
	Dead          time.Duration
}

// start starts the three processes, those that listen first.
func (s *session) start(ctx context.Context) (err error) {
	region := []string{"-bus", s.name, "-dir", s.o.Dir}
	if s.rtpd, _, err = start(ctx, s.o.Bin, "rtpd", region...); err != nil {
		return err
	}
	if err = s.startMediad(ctx); err != nil {
		return err
	}
	var ready program.Ready
	if s.sipd, ready, err = start(ctx, s.o.Bin, "sipd", append(region, "-sip", "127.0.0.1:0")...); err != nil {
		return err
	}
	s.progress.sayf("region %s: sipd (pid %d) on %s, rtpd (pid %d), mediad (pid %d)", s.name,
		s.sipd.cmd.Process.Pid, ready.SIP, s.rtpd.cmd.Process.Pid, s.mediad.cmd.Process.Pid)
	s.client, err = dial(ctx, s.o, ready.SIP, s.temp)
	return err
}

func (s *session) startMediad(ctx context.Context) (err error) {
	state := filepath.Join(s.temp, "mediad.state")
	s.mediad, _, err = start(ctx, s.o.Bin, "mediad", "-bus", s.name, "-dir", s.o.Dir, "-state", state)
	return err
}

// calls waits for the calls to be over, and kills in the middle if that was asked for.
func (s *session) calls(ctx context.Context) error {
	s.progress.sayf("%s: %d calls with %g s of audio", s.client.name, s.o.Calls, s.o.Seconds)
	s.began = time.Now()
	limit := time.NewTimer(s.o.length() + time.Minute)
	defer limit.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return errors.New("interrupted; everything is cleaned up")
		case <-limit.C:
			return errors.New("the calls do not come to an end")
		case <-s.sipd.done:
			return s.sipd.failure("ended")
		case <-s.rtpd.done:
			return s.rtpd.failure("ended")
		case <-s.mediad.done:
			return s.mediad.failure("ended")
		case <-tick.C:
		}
		s.show("")
		if s.client.finished() {
			return nil
		}
		// The middle: all calls are up, the first are about to end, so the outage meets packets and call states.
		if s.o.Kill != "" && len(s.kills) == 0 && s.monitor.lane(bus.Normal).Published*100 >= uint64(s.o.packets())*60 {
			if err := s.killMediad(ctx); err != nil {
				return err
			}
		}
	}
}

// killMediad kills mediad as kill -9 does, and starts it again.
func (s *session) killMediad(ctx context.Context) error {
	k := kill{Before: s.mediad.cmd.Process.Pid}
	s.mediad.kill()
	dead := time.Now()
	s.progress.sayf("mediad (pid %d) killed with SIGKILL", k.Before)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for time.Since(dead) < s.o.Outage {
		select {
		case <-ctx.Done():
			return errors.New("interrupted; everything is cleaned up")
		case <-tick.C:
			s.show("mediad is dead")
		}
	}
	if err := s.startMediad(ctx); err != nil {
		return err
	}
	k.Dead, k.After = time.Since(dead), s.mediad.cmd.Process.Pid
	s.kills = append(s.kills, k)
	s.progress.sayf("mediad started again (pid %d) after %.1f s", k.After, k.Dead.Seconds())
	return nil
}

func (s *session) show(note string) {
	packets := s.monitor.lane(bus.Normal)
	s.progress.showf(float64(packets.Published)/float64(s.o.packets()), note,
		"%4.1f s  %d packets  depth c %d h %d n %d  streams ended %d", time.Since(s.began).Seconds(), packets.Published,
		s.monitor.lane(bus.Critical).Depth, s.monitor.lane(bus.High).Depth, packets.Depth, s.monitor.ended())
}

// finish stops the processes in the order in which events flow, so each has all it can get, and gathers what they say.
func (s *session) finish() (*result, error) {
	r := &result{options: *s.o, client: s.client.name, kills: s.kills, took: time.Since(s.began)}
	var clientErr error
	r.caller, clientErr = s.client.report()
	if clientErr != nil {
		r.notes = append(r.notes, clientErr.Error())
	}
	for _, p := range []struct {
		process *process
		report  any
	}{{s.sipd, &r.sipd}, {s.rtpd, &r.rtpd}, {s.mediad, &r.mediad}} {
		if err := p.process.stop(p.report); err != nil {
			return nil, err
		}
		if said := p.process.errors.String(); said != "" {
			r.notes = append(r.notes, said)
		}
	}
	if err := s.monitor.finish(); err != nil {
		return nil, err
	}
	r.take(s.monitor)
	return r, nil
}

func (s *session) kill() {
	s.client.kill()
	s.sipd.kill()
	s.rtpd.kill()
	s.mediad.kill()
}

// remove removes the region. The processes have been waited for; but anybody may be looking at it just now.
func (s *session) remove() error {
	var err error
	for start := time.Now(); time.Since(start) < removeWait; time.Sleep(50 * time.Millisecond) {
		if err = bus.Remove(s.name, s.opts); !errors.Is(err, bus.ErrInUse) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("removing the region: %w", err)
	}
	return nil
}
