package torture

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

// A soak is a run of a plan that is steady: the same processes, a moderate rate,
// and a restart now and then, of every second place. What all of them use is
// sampled, and must not grow.
const (
	soakPace   = 10 * time.Second // mean time between two restarts
	soakQuiet  = 2 * time.Minute
	soakGC     = 25
	soakRows   = 360
	soakBegins = 0.15 // the part of a soak in which processes may still grow
)

// stays tells whether a place has one process for the whole of a soak.
func stays(place int) bool { return place%2 == 0 }

func soakCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	c := config{out: out}
	flags := flag.NewFlagSet("shmtorture soak", flag.ContinueOnError)
	flags.SetOutput(errs)
	c.flags(flags, time.Hour)
	path := flags.String("csv", "soak.csv", "file for the samples")
	if err := c.parse(flags, args); err != nil {
		return err
	}
	return soak(ctx, c, *path)
}

// soak runs a steady plan and writes samples of it.
func soak(ctx context.Context, c config, path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s, err := newSupervisor(ctx, c)
	if err != nil {
		return err
	}
	s.plan.soaking = true
	// A heap that is first collected at 4 MiB would grow for most of an hour, and
	// hide what does not stop to.
	s.env = append(s.env, fmt.Sprintf("GOGC=%d", soakGC))
	defer debug.SetGCPercent(debug.SetGCPercent(soakGC))
	s.again = fmt.Sprintf("shmtorture soak -duration %v -seed %d", c.duration, c.seed)
	sampler := &sampler{supervisor: s, out: csv.NewWriter(f), every: max(c.duration/soakRows, time.Second)}
	s.beside = sampler.run
	s.announce()
	return s.run()
}

// sampler writes a row of samples every so often.
type sampler struct {
	*supervisor
	out   *csv.Writer
	every time.Duration
	rows  [][]float64
}

// columns are what a row has. Those that begin with stay are sums over the
// processes that live as long as the soak, the supervisor among them.
var columns = []string{
	"seconds", "published", "received", "restarts", "processes",
	"rss_kib", "private_kib", "descriptors", "threads",
	"stay_rss_kib", "stay_private_kib", "stay_descriptors", "stay_threads",
	"depth", "ports", "pins", "subscriptions", "participants",
}

func (s *sampler) run(done <-chan struct{}) error {
	if err := s.out.Write(columns); err != nil {
		return err
	}
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-done:
			s.out.Flush()
			if s.ended() {
				return s.out.Error()
			}
			return errors.Join(s.out.Error(), flat(s.rows, s.supervisor.out))
		case <-tick.C:
		}
		row, err := s.sample()
		if err != nil {
			return err
		}
		s.rows = append(s.rows, row)
		var text []string
		for _, v := range row {
			text = append(text, strconv.FormatFloat(v, 'f', -1, 64))
		}
		if err := s.out.Write(text); err != nil {
			return err
		}
		s.out.Flush()
	}
}

// sample is one row.
func (s *sampler) sample() ([]float64, error) {
	snap, err := s.bus.Snapshot()
	if err != nil {
		return nil, err
	}
	all, stay := usage{}, usageOf(os.Getpid())
	all.add(stay)
	for i, seat := range s.seats {
		u := usageOf(int(seat.pid.Load()))
		if all.add(u); stays(i) {
			stay.add(u)
		}
	}
	var published, received, depth, ports, pins uint64
	for i := range s.book.places {
		published += s.book.places[i].w[placePublished].Load()
		received += s.book.places[i].w[placeReceived].Load()
	}
	for _, l := range snap.Lanes {
		depth = max(depth, l.Depth)
		ports += uint64(l.PortsUsed)
		pins += uint64(l.PinsUsed)
	}
	return []float64{
		time.Since(s.began).Round(time.Second / 10).Seconds(), float64(published), float64(received), float64(s.kills.Load() + s.leaves.Load()), float64(all.processes),
		float64(all.rss), float64(all.private), float64(all.descriptors), float64(all.threads),
		float64(stay.rss), float64(stay.private), float64(stay.descriptors), float64(stay.threads),
		float64(depth), float64(ports), float64(pins), float64(len(snap.Subscribers)), float64(len(snap.Participants)),
	}, nil
}
