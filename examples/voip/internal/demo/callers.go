package demo

import (
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rvoip/shmbus/examples/voip/internal/caller"
	"github.com/rvoip/shmbus/examples/voip/internal/quality"
	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
)

//go:embed call.xml
var scenario string

// client makes the calls, in processes of its own.
type client struct {
	name      string
	processes []*process
	results   []func() (caller.Report, error)
}

// kill ends what still runs.
func (c *client) kill() {
	if c == nil {
		return
	}
	for _, p := range c.processes {
		p.kill()
	}
}

// finished reports whether all its processes have ended.
func (c *client) finished() bool {
	for _, p := range c.processes {
		select {
		case <-p.done:
		default:
			return false
		}
	}
	return true
}

// report sums up what became of the calls, when finished.
func (c *client) report() (sum caller.Report, err error) {
	for _, result := range c.results {
		r, resultErr := result()
		err = errors.Join(err, resultErr)
		sum.Offered += r.Offered
		sum.Answered += r.Answered
		sum.Ended += r.Ended
		sum.Failed += r.Failed
		sum.Packets += r.Packets
	}
	return sum, err
}

// dial lets the client that o asks for call target.
func dial(ctx context.Context, o *options, target, temp string) (*client, error) {
	path, err := exec.LookPath("sipp")
	switch {
	case o.Caller == callerOwn:
		return dialOwn(ctx, o, target, "own caller")
	case err == nil:
		return dialSIPp(o, path, target, temp)
	case o.Caller == callerSIPp:
		return nil, errors.New("sipp is not installed (Debian package sip-tester); -caller own needs nothing")
	}
	return dialOwn(ctx, o, target, "own caller, as SIPp is not installed")
}

func dialOwn(ctx context.Context, o *options, target, name string) (*client, error) {
	p, _, err := start(ctx, o.Bin, "caller", "-target", target, "-calls", strconv.Itoa(o.Calls),
		"-rate", fmt.Sprint(o.Rate), "-seconds", fmt.Sprint(o.Seconds), "-level", fmt.Sprint(o.Level))
	if err != nil {
		return nil, err
	}
	return &client{name: name, processes: []*process{p}, results: []func() (caller.Report, error){
		func() (r caller.Report, err error) {
			err = p.wait(stopWait, &r)
			if said := p.errors.String(); err == nil && said != "" {
				err = fmt.Errorf("caller: %s", said)
			}
			return r, err
		},
	}}, nil
}

// dialSIPp starts one SIPp for each of the two codecs, as what a scenario plays is fixed.
func dialSIPp(o *options, path, target, temp string) (_ *client, err error) {
	c := &client{name: "SIPp"}
	defer func() {
		if err != nil {
			c.kill()
		}
	}()
	half := o.Calls / 2
	for _, leg := range []struct {
		codec   string
		payload uint8
		calls   int
	}{{"PCMU", sdp.PCMU, o.Calls - half}, {"PCMA", sdp.PCMA, half}} {
		if leg.calls == 0 {
			continue
		}
		dir := filepath.Join(temp, leg.codec)
		if err := prepareSIPp(dir, o, leg.codec, leg.payload); err != nil {
			return nil, fmt.Errorf("preparing SIPp: %w", err)
		}
		limit := int(o.length().Seconds()) + 30
		cmd := exec.Command(path, target, "-sf", "call.xml", "-i", "127.0.0.1", "-mi", "127.0.0.1",
			"-m", strconv.Itoa(leg.calls), "-l", strconv.Itoa(leg.calls),
			"-r", strconv.Itoa(max(1, int(o.Rate*500))), "-rp", "1000000", // half the rate, per 1000 s
			"-nostdin", "-trace_stat", "-stf", "stat.csv", "-fd", "1",
			"-trace_err", "-error_file", "errors.log",
			"-timeout", strconv.Itoa(limit)+"s", "-timeout_error")
		p := &process{name: "sipp", cmd: cmd, done: make(chan struct{})}
		cmd.Dir, cmd.SysProcAttr, cmd.Stderr = dir, ownGroup(), &p.errors
		if err := cmd.Start(); err != nil {
			return nil, fmt.Errorf("starting sipp: %w", err)
		}
		go func() {
			defer close(p.done)
			p.err = cmd.Wait()
		}()
		c.processes = append(c.processes, p)
		c.results = append(c.results, func() (caller.Report, error) { return sippReport(p, dir, o) })
	}
	return c, nil
}

// prepareSIPp writes the scenario and the audio.
func prepareSIPp(dir string, o *options, codec string, payload uint8) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	packets := int(o.Seconds*50 + 0.5)
	pause := time.Duration(packets)*20*time.Millisecond + 200*time.Millisecond
	text := strings.NewReplacer(
		"@PAYLOAD@", strconv.Itoa(int(payload)), "@CODEC@", codec, "@TONE@", "tone.raw",
		"@PAUSE@", strconv.FormatInt(pause.Milliseconds(), 10),
	).Replace(scenario)
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "call.xml"), []byte(text), 0o600),
		os.WriteFile(filepath.Join(dir, "tone.raw"), quality.Tone(payload, o.Level, packets*160), 0o600),
	)
}

// sippReport reads the last line of SIPp's statistics. It does not count RTP packets; a successful call
// has sent its whole file.
func sippReport(p *process, dir string, o *options) (r caller.Report, err error) {
	if p.err != nil {
		said, _ := os.ReadFile(filepath.Join(dir, "errors.log"))
		err = fmt.Errorf("sipp: %w\n%s%s", p.err, lastLines(said, 10), p.errors.String())
	}
	raw, readErr := os.ReadFile(filepath.Join(dir, "stat.csv"))
	if readErr != nil {
		return r, errors.Join(err, fmt.Errorf("sipp statistics: %w", readErr))
	}
	stats, statErr := lastRow(string(raw))
	if statErr != nil {
		return r, errors.Join(err, statErr)
	}
	r.Offered = stats["TotalCallCreated"]
	r.Answered = stats["SuccessfulCall(C)"] // the scenario succeeds only with a 200 to both INVITE and BYE
	r.Ended = r.Answered
	r.Failed = stats["FailedCall(C)"]
	r.Packets = r.Ended * int(o.Seconds*50+0.5)
	return r, err
}

func lastRow(text string) (map[string]int, error) {
	rows := csv.NewReader(strings.NewReader(text))
	rows.Comma, rows.FieldsPerRecord = ';', -1
	all, err := rows.ReadAll()
	if err != nil || len(all) < 2 {
		return nil, errors.Join(errors.New("sipp statistics: no rows"), err)
	}
	row := make(map[string]int)
	for i, name := range all[0] {
		if i < len(all[len(all)-1]) {
			if n, err := strconv.Atoi(all[len(all)-1][i]); err == nil {
				row[name] = n
			}
		}
	}
	for _, name := range []string{"TotalCallCreated", "SuccessfulCall(C)", "FailedCall(C)"} {
		if _, ok := row[name]; !ok {
			return nil, fmt.Errorf("sipp statistics: no column %s", name)
		}
	}
	return row, nil
}

func lastLines(p []byte, n int) string {
	lines := strings.SplitAfter(string(p), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
