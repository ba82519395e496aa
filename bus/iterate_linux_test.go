package bus_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func init() {
	roles["robbed-loop"] = func(args []string) {
		s := newStage(args)
		b, err := bus.Open("test", &s.options)
		must(err)
		sub, err := bus.Subscribe[tick](b, nil)
		must(err)
		pub, err := bus.NewPublisher[tick](b, nil)
		must(err)
		must(pub.TryPublish(&tick{}))
		func() {
			defer func() {
				err, _ := recover().(error)
				say("fault %t", errors.Is(err, bus.ErrFault))
			}()
			for v, err := range sub.Values(background()) {
				must(err)
				say("inside")
				s.next()
				say("%d", v.Seq)
			}
		}()
		for _, err := range sub.Messages(background()) {
			say("fault %t", errors.Is(err, bus.ErrFault))
		}
		say("alive")
	}
}

// A truncation under the body of a loop is a panic, which a caller may recover;
// under a loop over copies it is an error.
func TestLoopOverATruncatedRegion(t *testing.T) {
	o := bus.Options{Dir: t.TempDir(), Geometry: small()}
	p := start(t, "robbed-loop", o)
	require.Equal(t, "inside", p.hear())
	require.NoError(t, os.Truncate(filepath.Join(o.Dir, "test"), 0))
	p.expect("fault true", "go")
	require.Equal(t, "fault true", p.hear())
	require.Equal(t, "alive", p.hear())
}
