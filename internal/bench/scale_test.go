package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScaleHasAPointForEachStep(t *testing.T) {
	for _, args := range [][]string{
		{"scale"},
		{"scale", "-local", "-batch", "8"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			status, out, errs := run(t, inDir(t, append(args, "-subs", "3", "-pubs", "2", "-capacity", "256", "-duration", "5ms", "-json", "-")...)...)
			require.Zero(t, status, errs)
			r := decode(t, out)
			var steps []Point
			for _, p := range r.Points {
				steps = append(steps, Point{Kind: p.Kind, Pubs: p.Pubs, Subs: p.Subs})
				assert.Positive(t, p.PublishNS)
				assert.Positive(t, p.OfFirst)
				assert.Positive(t, p.Ratio)
				assert.Positive(t, p.Floor.AtomicNS)
				assert.Positive(t, p.Published)
				want := p.Published * uint64(p.Subs)
				if p.Kind == kindAsleep {
					want = 0
				}
				assert.Equal(t, want, p.Delivered, "%+v", p)
				assert.Equal(t, p.Kind == kindPublishers, p.PublishedPerS > 0)
			}
			assert.Equal(t, []Point{
				{Kind: "keeping-up", Pubs: 1, Subs: 1}, {Kind: "keeping-up", Pubs: 1, Subs: 2}, {Kind: "keeping-up", Pubs: 1, Subs: 3},
				{Kind: "asleep", Pubs: 1, Subs: 1}, {Kind: "asleep", Pubs: 1, Subs: 2}, {Kind: "asleep", Pubs: 1, Subs: 3},
				{Kind: "publishers", Pubs: 1, Subs: 1}, {Kind: "publishers", Pubs: 2, Subs: 1},
			}, steps)
			for _, first := range []int{0, 3, 6} {
				assert.InDelta(t, 1, r.Points[first].OfFirst, 1e-9)
			}
			assert.InDelta(t, max(r.Points[2].OfFirst, r.Points[5].OfFirst), r.Ratio, 1e-9)
			assert.InDelta(t, r.Points[2].PublishNS/r.Points[0].PublishNS, r.Points[2].OfFirst, 1e-9)
			assert.Equal(t, "cost of a publish to 3 subscribers / to 1", r.RatioOf)
			assert.NotContains(t, out, `"published_per_s": 0`)
			assert.Contains(t, errs, "keeping-up")
			assert.Zero(t, r.Lost+r.Missed)
		})
	}
}

func TestDoublingsEndWithTheMost(t *testing.T) {
	assert.Equal(t, []int{1}, doublings(1))
	assert.Equal(t, []int{1, 2}, doublings(2))
	assert.Equal(t, []int{1, 2, 4, 6}, doublings(6))
	assert.Equal(t, []int{1, 2, 4, 8, 16, 32, 64}, doublings(64))
}
