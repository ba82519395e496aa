package conduct

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/peer"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

var errUsage = errors.New("usage: peers list | peers PEER seed|fanout|pingpong [flags]; peers PEER seed -h lists the flags")

// Main is the program peers; it returns its exit status.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	err := command(ctx, args, stdin, stdout)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, "peers:", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "peers:", err)
	return exitFailed
}

func command(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "role":
		return peer.Serve(stdin, stdout)
	case "list":
		return list(ctx, args[1:], stdout)
	}
	if len(args) < 2 || !slices.Contains([]string{proto.Seed, proto.Fanout, proto.Pingpong}, args[1]) {
		return errUsage
	}
	return one(ctx, args[0], args[1], args[2:], stdout)
}

func find(ctx context.Context, dir string) ([]Peer, []error, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	if dir == "" {
		dir = filepath.Dir(self)
	}
	peers, errs := Find(ctx, self, dir)
	return peers, errs, nil
}

func list(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("peers list", flag.ContinueOnError)
	programs := flags.String("programs", "", "directory of the programs in other languages")
	if err := flags.Parse(args); err != nil {
		return err
	}
	peers, errs, err := find(ctx, *programs)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "peer\tlanguage\tversion\tin\tworkloads\ta batch is")
	for _, p := range peers {
		if p.Missing != "" {
			fmt.Fprintf(w, "%s\tmissing: %s\n", p.Name, p.Missing)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%v\t%s\n", p.Name, p.Language, p.Version, where(p.InProcess), p.Workloads, p.Batch)
	}
	return errors.Join(append(errs, w.Flush())...)
}

func where(inProcess bool) string {
	if inProcess {
		return "one process"
	}
	return "processes"
}

func one(ctx context.Context, name, workload string, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("peers "+name+" "+workload, flag.ContinueOnError)
	c := Defaults(workload)
	if workload != proto.Seed {
		flags.IntVar(&c.Size, "size", c.Size, "bytes of an event")
	}
	if workload != proto.Pingpong {
		flags.IntVar(&c.Batch, "batch", c.Batch, "events per publish")
		flags.IntVar(&c.Subs, "subs", c.Subs, "subscribers")
	}
	flags.IntVar(&c.Capacity, "capacity", c.Capacity, "events that may be under way, a power of two, where the peer can be told")
	flags.DurationVar(&c.DurationNS, "duration", c.DurationNS, "how long to publish")
	flags.DurationVar(&c.WarmNS, "warm", c.WarmNS, "how long to publish before that")
	asJSON := flags.String("json", "", "write the result as JSON to this `FILE`; - is standard output")
	programs := flags.String("programs", "", "directory of the programs in other languages")
	dir := flags.String("dir", "", "directory for the files of peers; default /dev/shm where it is, or that for temporary files")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errUsage
	}
	peers, errs, err := find(ctx, *programs)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(peers, func(p Peer) bool { return p.Name == name })
	if i < 0 {
		return errors.Join(append(errs, fmt.Errorf("no peer is called %q; peers list names them", name))...)
	}
	r, err := Run(ctx, peers[i], c, Memory(*dir))
	if r == nil {
		return err
	}
	return errors.Join(err, write(r, *asJSON, stdout))
}

// Defaults are those of shmbench.
func Defaults(workload string) proto.Config {
	c := proto.Config{
		Workload: workload, Size: 64, Batch: 1, Subs: 5, Capacity: 16384,
		DurationNS: time.Second, WarmNS: 100 * time.Millisecond,
	}
	switch workload {
	case proto.Seed:
		c.Size = event.SeedSize
	case proto.Pingpong:
		c.Subs, c.Capacity = 1, 1024
	}
	return c
}

// Memory is dir, or a directory of a file system in memory.
func Memory(dir string) string {
	if dir != "" {
		return dir
	}
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return os.TempDir()
}

func write(r *Result, name string, stdout io.Writer) error {
	if name == "" {
		_, err := fmt.Fprintln(stdout, r)
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if name == "-" {
		_, err = stdout.Write(text)
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// String is the result for a person.
func (r *Result) String() string {
	head := fmt.Sprintf("%s %s, %d to %d, %d B, batch %d, %s: ",
		r.Peer, r.Workload, r.Config.Pubs, r.Config.Subs, r.Config.Size, r.Config.Batch, where(r.InProcess))
	if l := r.Latency; l != nil {
		return fmt.Sprintf("%sone way p50 %d ns, p99 %d ns, p99.9 %d ns, %d events", head, l.P50, l.P99, l.P999, r.Published)
	}
	return fmt.Sprintf("%s%.3f M published/s, %.3f M delivered/s, %d lost, %.2f s of processor time",
		head, r.PublishedPerS/1e6, r.DeliveredPerS/1e6, r.Lost, r.CPUSeconds)
}
