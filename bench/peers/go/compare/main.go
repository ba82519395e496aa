package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rvoip/shmbus/bench/peers/go/conduct"
)

// Options say how much is compared.
type Options struct {
	Rounds   int
	Duration time.Duration
	// Budget is for all rounds; the first is run in any case.
	Budget time.Duration
	// Dir is for the files of regions and peers.
	Dir string
}

const (
	exitFailed = 1
	exitUsage  = 2
)

var errUsage = errors.New("usage: compare [flags]; compare -h lists them")

// Main is the program compare; it returns its exit status.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := command(ctx, args, stdout, stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, "compare:", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "compare:", err)
	return exitFailed
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o := Options{}
	flags.IntVar(&o.Rounds, "rounds", 3, "how often everybody runs")
	flags.DurationVar(&o.Duration, "duration", 500*time.Millisecond, "how long each run publishes")
	flags.DurationVar(&o.Budget, "budget", 10*time.Minute, "begin no further round that would not end within this time")
	flags.StringVar(&o.Dir, "dir", "", "directory for regions and files of peers; default /dev/shm where it is")
	workloads := flags.String("workloads", "seed fanout pingpong", "which workloads")
	names := flags.String("peers", "", "only these peers, and the bus")
	programs := flags.String("programs", "out/peers", "directory of the programs: peers and those in other languages")
	ours := flags.String("ours", "bin/shmbench", "shmbench")
	out := flags.String("out", "out", "directory for peers.json, peers.md, peers.svg and peers.png")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || o.Rounds < 1 || o.Duration <= 0 {
		return errUsage
	}
	kept, err := only(strings.Fields(*workloads))
	if err != nil {
		return err
	}
	version, err := busVersion(ctx, *ours)
	if err != nil {
		return err
	}
	peers, troubles := conduct.Find(ctx, filepath.Join(*programs, "peers"), *programs)
	var rows []contestant
	for _, v := range variants {
		rows = append(rows, bus{v, *ours, version})
	}
	var missing []conduct.Peer
	wanted := strings.Fields(*names)
	for _, p := range peers {
		switch {
		case len(wanted) > 0 && !slices.Contains(wanted, p.Name):
		case p.Missing != "":
			missing = append(missing, p)
		default:
			rows = append(rows, theirs{p})
		}
	}
	b := newBoard(kept, rows)
	if err := b.play(ctx, o, stderr); err != nil {
		return err
	}
	return b.write(o, *out, missing, troubles, stdout)
}

// write writes all files, and the table to a person.
func (b *board) write(o Options, dir string, missing []conduct.Peer, troubles []error, stdout io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	results, err := b.json()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "peers.json"), results, 0o644); err != nil {
		return err
	}
	var table bytes.Buffer
	if err := b.writeTable(&table, o, missing, troubles); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "peers.md"), table.Bytes(), 0o644); err != nil {
		return err
	}
	if err := b.draw(filepath.Join(dir, "peers.svg"), filepath.Join(dir, "peers.png")); err != nil {
		return err
	}
	_, err = stdout.Write(table.Bytes())
	return err
}

// json is an array of the medians.
func (b *board) json() ([]byte, error) {
	results := []json.RawMessage{}
	for j, c := range b.cells {
		for i := range b.rows {
			if m, ok := b.results[i][j].median(c); ok {
				results = append(results, m.raw)
			}
		}
	}
	text, err := json.MarshalIndent(results, "", "  ")
	return append(text, '\n'), err
}
