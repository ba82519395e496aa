package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// options are what the flags say.
type options struct {
	members, shards, keys, each, rounds int
}

// app plays a role and returns the exit code of the process.
func app(args []string, in io.Reader, out, errs io.Writer) int {
	var err error
	if len(args) == 3 && args[0] == "member" {
		err = member(args[1], args[2], in, out)
	} else {
		err = show(args, out, errs)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(errs, "group:", err)
		return 1
	}
	return 0
}

// show parses the flags and runs the whole.
func show(args []string, out, errs io.Writer) (err error) {
	var o options
	flags := flag.NewFlagSet("group", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.IntVar(&o.members, "members", 4, "processes that share the work, at least 2")
	flags.IntVar(&o.shards, "shards", 16, "lanes, 1 to 16")
	flags.IntVar(&o.keys, "keys", 1000, "keys")
	flags.IntVar(&o.each, "each", 500, "events of each key")
	flags.IntVar(&o.rounds, "rounds", 16, "how often a member is killed, joins, leaves or is stopped")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.members < 2 || o.keys < 1 || o.each < 1 || o.rounds < 0 {
		return errors.New("at least 2 members, a key, and an event of each")
	}
	dir, err := os.MkdirTemp("", "shmbus-group-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r, err := newRun(o, dir, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	return r.run()
}
