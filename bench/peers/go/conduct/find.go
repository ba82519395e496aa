package conduct

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rvoip/shmbus/bench/peers/go/peer"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// Prefix begins the names of programs that are peers.
const Prefix = "peer-"

// Peer is a peer and the program that plays its roles.
type Peer struct {
	proto.Peer
	program string
	in      *peer.Go // nil in other languages
}

// Find returns the peers of this program, whose path is self, and of the
// programs in dir whose names begin with [Prefix]. A program that does not
// answer is an error that names it; the others are returned all the same.
func Find(ctx context.Context, self, dir string) ([]Peer, []error) {
	var all []Peer
	var errs []error
	for _, g := range peer.All() {
		all = append(all, Peer{g.Peer, self, g})
	}
	programs, err := filepath.Glob(filepath.Join(dir, Prefix+"*"))
	if err != nil {
		return all, []error{err}
	}
	slices.Sort(programs)
	for _, program := range programs {
		if strings.HasSuffix(program, ".missing") {
			why, err := os.ReadFile(program)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(program), Prefix), ".missing")
			all = append(all, Peer{Peer: proto.Peer{Name: name, Missing: strings.TrimSpace(string(why))}})
			continue
		}
		described, err := describe(ctx, program)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s describe: %w", filepath.Base(program), err))
		}
		for _, p := range described {
			all = append(all, Peer{p, program, nil})
		}
	}
	return all, errs
}

func describe(ctx context.Context, program string) ([]proto.Peer, error) {
	const patience = 2 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "describe").Output()
	if err != nil {
		return nil, err
	}
	var peers []proto.Peer
	if err := json.Unmarshal(out, &peers); err != nil {
		return nil, err
	}
	return peers, nil
}

// Can tells whether the peer is there and has the workload.
func (p Peer) Can(workload string) bool {
	return p.Missing == "" && slices.Contains(p.Workloads, workload)
}
