package demo

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Callers that the demo knows.
const (
	callerAuto = "auto"
	callerSIPp = "sipp"
	callerOwn  = "own"
)

// options say what the demo does.
type options struct {
	Bin     string // directory of the programs
	Dir     string // of the region; default that of the bus
	Calls   int
	Rate    float64
	Seconds float64
	Level   float64
	Caller  string
	Kill    string
	Outage  time.Duration
}

func parse(args []string, errOut io.Writer) (*options, error) {
	o := new(options)
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the programs: %w", err)
	}
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.StringVar(&o.Bin, "bin", filepath.Dir(self), "directory of sipd, rtpd, mediad and caller")
	fs.StringVar(&o.Dir, "dir", "", "directory of the region; default that of the bus")
	fs.IntVar(&o.Calls, "calls", 50, "calls to make")
	fs.Float64Var(&o.Rate, "rate", 25, "calls to begin per second")
	fs.Float64Var(&o.Seconds, "seconds", 5, "audio per call")
	fs.Float64Var(&o.Level, "level", -10, "level of the tone, dBm0")
	fs.StringVar(&o.Caller, "caller", callerAuto, "who calls: sipp, own, or auto for SIPp if it is there")
	fs.StringVar(&o.Kill, "kill", "", "mediad: kill it with SIGKILL in the middle, and start it again")
	fs.DurationVar(&o.Outage, "outage", 2*time.Second, "how long it stays dead")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	return o, o.check()
}

func (o *options) check() error {
	switch {
	case o.Kill != "" && o.Kill != "mediad":
		return fmt.Errorf("-kill %s: only mediad can be killed: a durable subscription waits for it", o.Kill)
	case o.Caller != callerAuto && o.Caller != callerSIPp && o.Caller != callerOwn:
		return fmt.Errorf("-caller %s: want sipp, own or auto", o.Caller)
	case o.Calls < 1 || o.Calls > 500:
		return fmt.Errorf("-calls %d: want 1 to 500", o.Calls)
	case !(o.Rate >= 0.1 && o.Rate <= 500):
		return fmt.Errorf("-rate %g: want 0.1 to 500", o.Rate)
	case !(o.Seconds >= 0.5 && o.Seconds <= 60):
		return fmt.Errorf("-seconds %g: want 0.5 to 60", o.Seconds)
	case !(o.Level >= -40 && o.Level <= 3):
		return fmt.Errorf("-level %g: want -40 to 3 dBm0", o.Level)
	}
	return nil
}

// packets returns how many RTP packets the callers will send in all.
func (o *options) packets() int { return o.Calls * int(o.Seconds*50+0.5) }

// length returns how long the calls should take, from the first INVITE to the last BYE.
func (o *options) length() time.Duration {
	return time.Duration((float64(o.Calls)/o.Rate + o.Seconds) * float64(time.Second))
}
