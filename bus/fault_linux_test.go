package bus_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func init() {
	roles["robbed"] = func(args []string) {
		s := newStage(args)
		b, err := bus.Open("test", &s.options)
		must(err)
		n, err := strconv.Atoi(args[1])
		must(err)
		pub, err := bus.NewPublisher[tick](b, nil)
		must(err)
		results := make(chan error)
		for range n {
			sub, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Name: "robbed", Window: 1, Wait: bus.WaitPark})
			must(err)
			go func() {
				_, err := sub.Receive(background())
				results <- err
			}()
		}
		say("ready")
		s.next()
		say("publish: %v", pub.TryPublish(&tick{}))
		for range n {
			say("receive: %v", <-results)
		}
		say("snapshot: %v", func() error { _, err := b.Snapshot(); return err }())
		b.Close() // says that it could give nothing back
		say("alive")
	}
}

// A peer that truncates the region spoils it, and no process: every call that
// needs the memory says that it has gone.
func TestRegionTruncatedByAPeer(t *testing.T) {
	for _, sleepers := range []int{1, 9} {
		t.Run(strconv.Itoa(sleepers), func(t *testing.T) {
			o := bus.Options{Dir: t.TempDir(), Geometry: small(), Heal: 300 * time.Millisecond}
			p := start(t, "robbed", o, strconv.Itoa(sleepers))
			require.Equal(t, "ready", p.hear())
			v, err := bus.Inspect("test", &o)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				s, err := v.Snapshot()
				asleep := 0
				for _, r := range s.Subscribers {
					if r.Waiting {
						asleep++
					}
				}
				return err == nil && asleep == sleepers
			}, patience, often)
			require.NoError(t, v.Close())
			require.NoError(t, os.Truncate(filepath.Join(o.Dir, "test"), 0))
			p.tell("go")
			require.Contains(t, p.hear(), "publish: ")
			for range sleepers {
				line := p.hear()
				require.Contains(t, line, "receive: ")
				require.NotContains(t, line, "<nil>")
			}
			require.NotContains(t, p.hear(), "<nil>")
			require.Equal(t, "alive", p.hear())
		})
	}
}
