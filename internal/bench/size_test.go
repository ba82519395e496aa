package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSizeHasAPointForEachSize(t *testing.T) {
	for _, args := range [][]string{
		{"size", "-size", "128"},
		{"size", "-size", "40", "-local", "-subs", "2"},
		{"size", "-size", "2048", "-batch", "4"},
		{"size", "-size", "64", "-static"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			status, out, errs := run(t, inDir(t, append(args, "-capacity", "256", "-duration", "5ms", "-json", "-")...)...)
			require.Zero(t, status, errs)
			r := decode(t, out)
			want := sizesTo(r.Config.Size)
			require.Len(t, r.Points, len(want))
			var published uint64
			for i, p := range r.Points {
				assert.Equal(t, want[i], p.Size)
				assert.Equal(t, p.Published*uint64(p.Subs), p.Delivered)
				assert.InEpsilon(t, p.PublishedPerS*float64(p.Size), p.BytesPerS, 1e-9)
				assert.InEpsilon(t, 1e9/p.PublishedPerS, p.PublishNS, 1e-9)
				assert.InEpsilon(t, p.PublishNS/p.Floor.CopyNS, p.CopyRatio, 1e-9)
				assert.InEpsilon(t, p.PublishNS/p.Floor.SPSCEventNS, p.Ratio, 1e-9)
				published += p.Published
			}
			assert.Equal(t, published, r.Published)
			assert.Equal(t, r.Points[len(want)-1].CopyRatio, r.Ratio)
			assert.Contains(t, errs, "to a bare ring")
			assert.Zero(t, r.Lost)
		})
	}
}

func TestSizesAreDoubled(t *testing.T) {
	assert.Equal(t, []int{16}, sizesTo(16))
	assert.Equal(t, []int{16, 24}, sizesTo(24))
	assert.Equal(t, []int{16, 32, 40}, sizesTo(40))
	assert.Equal(t, []int{16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}, sizesTo(16<<10))
}

func TestLargeEventsGetASmallerLane(t *testing.T) {
	c := sizeWorkload.defaults
	assert.Equal(t, 16384, c.sizedTo(16).Capacity)
	assert.Equal(t, 512, c.sizedTo(16<<10).Capacity, "of slots of 16,448 bytes")
	c.Batch = 256
	large := c.sizedTo(64 << 10)
	assert.Equal(t, 512, large.Capacity, "a batch and another must fit")
	c.Capacity = 2
	c.Batch = 1
	assert.Equal(t, 2, c.sizedTo(64<<10).Capacity)
}
