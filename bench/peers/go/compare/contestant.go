package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rvoip/shmbus/bench/peers/go/conduct"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// contestant is a row of the table.
type contestant interface {
	peer() proto.Peer
	ours() bool
	// can tells whether it has the cell.
	can(c cell) bool
	// run runs it once. The result is JSON as shmbench writes it.
	run(ctx context.Context, c cell, o Options) (json.RawMessage, error)
}

// theirs is a peer.
type theirs struct{ p conduct.Peer }

func (t theirs) peer() proto.Peer { return t.p.Peer }
func (t theirs) ours() bool       { return false }
func (t theirs) can(c cell) bool  { return t.p.Can(c.workload) }

// warmCompiled and warmJust are how long peers work before it counts, compiled
// ahead of time and just in time.
const (
	warmCompiled = 100 * time.Millisecond
	warmJust     = 800 * time.Millisecond
)

func (t theirs) run(ctx context.Context, c cell, o Options) (json.RawMessage, error) {
	config := c.config(o)
	config.WarmNS = warmCompiled
	if t.p.Language == "Java" {
		config.WarmNS = warmJust
	}
	r, err := conduct.Run(ctx, t.p, config, conduct.Memory(o.Dir))
	if err != nil {
		return nil, err
	}
	return json.Marshal(r)
}

// variant is the bus, run by shmbench with some flags.
type variant struct {
	name, batch string
	flags       []string
	inProcess   bool
	only        func(c cell) bool // nil for all cells
}

// variants are ours. What parks and what spins is told apart where it matters.
var variants = []variant{
	{name: "shmbus", batch: "one call; readers take up to 64 in place"},
	{name: "shmbus static", batch: "the same over a ring of the type's own", flags: []string{"-static"},
		only: func(c cell) bool { return !c.isLatency() }},
	{name: "shmbus packs", batch: "one event, read as a slice", flags: []string{"-pack"}, only: cell.isBatch},
	{name: "shmbus spin", batch: "readers spin", flags: []string{"-wait", "spin"}, only: cell.isLatency},
	{name: "shmbus park", batch: "readers sleep in the kernel", flags: []string{"-wait", "park"}, only: cell.isLatency},
	{name: "shmbus local", batch: "one call; readers take up to 64 in place", flags: []string{"-local"}, inProcess: true},
	{name: "shmbus local packs", batch: "one event, read as a slice", flags: []string{"-local", "-pack"}, inProcess: true, only: cell.isBatch},
}

type bus struct {
	variant
	program, version string
}

func (b bus) peer() proto.Peer {
	return proto.Peer{Name: b.name, Language: "Go", Version: b.version, InProcess: b.inProcess, Batch: b.batch}
}

func (b bus) ours() bool      { return true }
func (b bus) can(c cell) bool { return b.only == nil || b.only(c) }

func (b bus) run(ctx context.Context, c cell, o Options) (json.RawMessage, error) {
	config := c.config(o)
	args := []string{c.workload, "-json", "-", "-duration", o.Duration.String(), "-capacity", strconv.Itoa(config.Capacity)}
	if c.workload == proto.Fanout {
		args = append(args, "-subs", strconv.Itoa(c.subs), "-size", strconv.Itoa(c.size), "-batch", strconv.Itoa(c.batch))
	}
	if o.Dir != "" {
		args = append(args, "-dir", o.Dir)
	}
	args = append(args, b.flags...)
	cmd := exec.CommandContext(ctx, b.program, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("shmbench %s: %w: %s", strings.Join(args, " "), err, lastLine(said.String()))
	}
	// Whose result it is belongs to it as well.
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		return nil, fmt.Errorf("shmbench %s: %w", c.workload, err)
	}
	p := b.peer()
	for k, v := range map[string]any{"peer": p.Name, "language": p.Language, "version": p.Version, "in_process": p.InProcess} {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		fields[k] = text
	}
	return json.Marshal(fields)
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// busVersion is what shmbench says of itself.
func busVersion(ctx context.Context, program string) (string, error) {
	out, err := exec.CommandContext(ctx, program, "-version").Output()
	if err != nil {
		return "", fmt.Errorf("shmbench is missing: %w; build it with: go build -o bin/shmbench ./cmd/shmbench", err)
	}
	// "shmbench version v0.1.0 (go1.26.0 linux/amd64)"
	_, version, _ := strings.Cut(string(out), " version ")
	if version = strings.TrimSpace(version); version == "" {
		return "", errors.New("shmbench does not say its version")
	}
	return version, nil
}
