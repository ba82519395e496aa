package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/rvoip/shmbus/bus"
)

// job is the event. Its key says whose it is, and Seq counts those of a key.
type job struct{ Seq uint64 }

const (
	regionName = "group"
	groupName  = "workers"
)

// member handles the jobs of its lanes until in ends.
func member(dir, path string, in io.Reader, out io.Writer) (err error) {
	b, err := bus.Open(regionName, &bus.Options{Dir: dir, Join: true, Process: "member"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	l, err := openLedger(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	sub, err := bus.Subscribe[job](b, &bus.SubscribeOptions{Group: groupName})
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		for {
			err := sub.View(context.Background(), func(j *job, e *bus.Event) error { return l.append(e.Header().Key, j.Seq) })
			if err != nil {
				done <- err
				return
			}
		}
	}()
	fmt.Fprintln(out, "ready")
	_, _ = io.Copy(io.Discard, in)
	if err := sub.Close(); err != nil {
		return err
	}
	if err := <-done; !errors.Is(err, bus.ErrClosed) {
		return err
	}
	return nil
}
