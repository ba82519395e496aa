package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/internal/word"
)

// EvictAfter is so long that nobody is evicted on a machine with other work to do.
func TestCrashLosesNothingOfWhatWasAccepted(t *testing.T) {
	kills, freezes := func(c *Crash) int { return c.Kills }, func(c *Crash) int { return c.Freezes }
	// The first one is hit in any case; its seed says who and how.
	for line, hits := range map[string]func(*Crash) int{
		"crash -seed 1":                             kills, // a subscriber
		"crash -seed 2 -size 200 -capacity 256":     kills, // a publisher
		"crash -seed 6 -batch 8":                    freezes,
		"crash -seed 5 -wait park":                  kills, // a durable subscription
		"crash -seed 4 -pubs 1 -subs 1 -durables 2": freezes,
	} {
		t.Run(line, func(t *testing.T) {
			args := strings.Fields(line)
			status, out, errs := run(t, inDir(t, append(args,
				"-every", "10ms", "-freeze", "30ms", "-evict", "1m", "-duration", "300ms", "-json", "-")...)...)
			require.Zero(t, status, errs)
			r := decode(t, out)
			require.NotNil(t, r.Crash)
			assert.Positive(t, hits(r.Crash))
			assert.Positive(t, r.Published)
			assert.Equal(t, r.Published, r.Delivered)
			assert.Zero(t, r.Lost+r.Corrupt+r.Disordered)
			assert.Zero(t, r.Told, "nobody was evicted")
			assert.Positive(t, r.LongestStall)
			assert.InDelta(t, float64(r.LongestStall)/float64(time.Minute), r.Ratio, 1e-9)
			assert.Contains(t, errs, "killed / frozen")
			assert.Contains(t, out, `"seed"`)
		})
	}
}

func newPages(t *testing.T, receivers int) *pages {
	t.Helper()
	b := (&trial{}).newBooks(receivers)
	b.Receivers = receivers
	p := b.pages(word.NewMemory(b.Memory.Size))
	require.Len(t, p.receivers, receivers)
	return p
}

func TestAPageBooksWhatWentWrong(t *testing.T) {
	q := newPages(t, 1).receivers[0]
	fresh := false
	see := func(life int, seq uint64) { q.see(payload.NewNote(life, seq, false), true, &fresh) }
	see(0, 0)
	see(0, 1)
	see(7, 0)
	assert.True(t, fresh)
	see(0, 4) // 2 and 3 are missing
	see(0, 3) // too late
	q.see(payload.NewNote(0, 5, false), false, &fresh)
	q.see(payload.NewNote(maxLives, 0, false), true, &fresh)
	assert.EqualValues(t, 2, q.gap())
	assert.EqualValues(t, 1, q.disordered())
	assert.EqualValues(t, 2, q.corrupt())
	assert.EqualValues(t, 4, q.received())

	// Another process takes over: it may get again what was not finished, and
	// nothing more once it has got something new.
	fresh = false
	see(0, 3)
	see(0, 4)
	see(7, 0)
	assert.False(t, fresh)
	assert.EqualValues(t, 3, q.redelivered())
	see(7, 1)
	see(7, 0)
	assert.EqualValues(t, 2, q.disordered())
	assert.EqualValues(t, 5, q.received())

	q.forget()
	see(3, 100)
	see(3, 101)
	see(3, 103)
	assert.EqualValues(t, 3, q.gap(), "only what it knows of can be missing")
}

func TestCrashComparesTheBooks(t *testing.T) {
	c := crashWorkload.defaults
	c.Pubs, c.Subs, c.Durables = 2, 2, 1
	fill := func() *pages {
		p := newPages(t, 3)
		p.accept(0, 60)
		p.accept(1, 40) // killed; one more was published
		for _, q := range p.receivers {
			q.next[0].Store(60)
			q.next[1].Store(41)
		}
		return p
	}
	judge := func(p *pages) *Result {
		r := &Result{Crash: &Crash{}, Seconds: 2, Config: c}
		r.setCrash(c, p, []life{{}, {killed: true}}, 101)
		return r
	}
	r := judge(fill())
	assert.Zero(t, r.Lost)
	assert.EqualValues(t, 41, r.Orphans)
	assert.EqualValues(t, 101, r.Delivered)
	assert.InDelta(t, 50.5, r.PublishedPerS, 1e-9)
	require.NoError(t, r.verdict())

	p := fill()
	p.receivers[0].next[1].Store(39)
	assert.EqualValues(t, 3, judge(p).Lost, "2 of the lane, 1 that was accepted")

	p = fill()
	p.receivers[0].counts[countMissed].Store(1)
	assert.EqualValues(t, 1, judge(p).Lost, "the first subscriber may miss nothing")

	p = fill()
	p.receivers[2].next[0].Store(50)
	assert.EqualValues(t, 10, judge(p).Lost, "the durable one was not told")
	p.receivers[2].counts[countMissed].Store(10)
	r = judge(p)
	assert.Zero(t, r.Lost)
	assert.EqualValues(t, 10, r.Told)

	p = fill()
	p.receivers[1].counts[countGap].Store(5)
	p.receivers[1].counts[countMissed].Store(4)
	assert.EqualValues(t, 1, judge(p).Lost, "untold")
	p.receivers[1].counts[countCorrupt].Store(1)
	require.ErrorIs(t, judge(p).verdict(), errFailed)
}

func TestStallsAreTheTimesBetweenDeliveries(t *testing.T) {
	var s stalls
	s.delivered(0, 1e9)
	s.delivered(1e9, 1e9+5e6)
	s.delivered(1e9+5e6, 1e9+35e6)
	assert.Equal(t, stalls{Longest: 30e6, Gaps: 1}, s)
}
