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

func init() {
	roles["robbed-batch"] = func(args []string) {
		s := newStage(args)
		b, err := bus.Open("test", &s.options)
		must(err)
		pub, err := bus.NewPublisher[tick](b, nil)
		must(err)
		sub, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Window: 8})
		must(err)
		ring, err := bus.OpenStatic[tick](b, "robbed", nil)
		must(err)
		sp, err := ring.Publisher()
		must(err)
		ss, err := ring.Subscribe(&bus.SubscribeOptions{Window: 8})
		must(err)
		for range 6 {
			must(pub.TryPublish(&tick{}))
			must(sp.TryPublish(&tick{}))
		}
		messages, values := make([]bus.Message[tick], 2), make([]tick, 2)
		receive := map[string]func() (int, error){
			"batch":  func() (int, error) { return sub.ReceiveBatch(background(), messages) },
			"static": func() (int, error) { return ss.ReceiveBatch(background(), values) },
			"view": func() (int, error) {
				return sub.TryViewBatch(2, func(v *tick, _ *bus.Event) error { _ = v.Seq; return nil })
			},
		}
		for _, r := range receive {
			_, err := r()
			must(err)
		}
		say("ready")
		s.next()
		for name, r := range receive {
			_, err := r()
			say("%s: %v", name, err)
		}
		b.Close() // says that it could give nothing back
		say("alive")
	}
}

func init() {
	roles["robbed-delivery"] = func(args []string) {
		s := newStage(args)
		b, err := bus.Open("test", &s.options)
		must(err)
		pub, err := bus.NewPublisher[tick](b, nil)
		must(err)
		sub, err := bus.Subscribe[tick](b, nil)
		must(err)
		must(pub.PublishWith(background(), &tick{}, bus.With{Key: 7}))
		d, err := sub.Raw().Take(background())
		must(err)
		before := d.Event().Header()
		say("ready")
		s.next()
		say("%v %d", d.Event().Header() == before, before.Key)
		d.Ack()
		b.Close() // says that it could give nothing back
		say("alive")
	}
}

// What the bus knows of an event that somebody has for longer than a call can be asked for
// when its bytes have gone: nothing guards him.
func TestRegionTruncatedUnderADelivery(t *testing.T) {
	o := bus.Options{Dir: t.TempDir(), Geometry: small()}
	p := start(t, "robbed-delivery", o)
	require.Equal(t, "ready", p.hear())
	require.NoError(t, os.Truncate(filepath.Join(o.Dir, "test"), 0))
	p.tell("go")
	require.Equal(t, "true 7", p.hear())
	require.Equal(t, "alive", p.hear())
}

// Batches have events in hand that they count in the end, also where there is nothing
// left to count in.
func TestRegionTruncatedBetweenBatches(t *testing.T) {
	o := bus.Options{Dir: t.TempDir(), Geometry: small()}
	p := start(t, "robbed-batch", o)
	require.Equal(t, "ready", p.hear())
	files, err := filepath.Glob(filepath.Join(o.Dir, "test*"))
	require.NoError(t, err)
	for _, f := range files {
		if filepath.Ext(f) != ".lock" {
			require.NoError(t, os.Truncate(f, 0))
		}
	}
	p.tell("go")
	for range 3 {
		line := p.hear()
		require.NotContains(t, line, "<nil>")
		require.NotEqual(t, "alive", line)
	}
	require.Equal(t, "alive", p.hear())
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
