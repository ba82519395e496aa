package ring

import (
	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/internal/prefetch"
)

// ExpectFew says that most events will not be looked at, see Find.
func (r *Reader) ExpectFew() { r.lines = 0 }

// Find returns the first event of the window from k on whose tag is in tags, a bit
// for each, or Window if there is none. Slots are not touched.
func (r *Reader) Find(k int, tags uint64) int {
	window := r.refs[r.first:r.width]
	for k < len(window) && tags>>window[k].tag()&1 == 0 {
		k++
	}
	return k
}

// skipAhead is how many entries ahead Skip asks for their line, which is in another
// processor's cache.
const skipAhead = 6 * entriesPerLine

// Skip passes over up to max events whose tag is not in tags, a bit for each, and
// returns how many. It gives back the window, like Poll. It looks at entries alone,
// eight in a line, so that it needs no pin, and moves the cursor once in an eighth of
// a lap; the next Poll begins with what has a tag that is asked for, or with a gap.
func (r *Reader) Skip(tags uint64, max int) (n int, err error) {
	if r.owed > 0 || r.farBehind() {
		return 0, nil // for Poll to tell of first, at the position that it is about
	}
	l := r.lane
	r.pos, r.first, r.width = r.Position(), 0, 0
	max = int(r.reach(r.pos, uint64(max)))
	failpoint.Hit(stepLook)
	for n < max {
		at := r.pos + uint64(n)
		lap := at >> l.shift
		first := int(at & l.mask)
		line := l.entries[first:min(first+max-n, len(l.entries))]
		k := 0
		for ; k < len(line); k++ {
			if k%entriesPerLine == 0 && k+skipAhead < len(line) {
				prefetch.Ahead(&line[k+skipAhead])
			}
			// Pairs with the exchange of the producer, which has the tag in it.
			if e := entry(line[k].Load()); !e.ofLap(lap) || tags>>e.ref().tag()&1 != 0 {
				max = 0
				break
			}
		}
		n += k
	}
	r.pos += uint64(n)
	if behind := r.pos - r.word.pos(r.pos); behind >= uint64(l.geo.Capacity/8) && n > 0 {
		return n, r.move(r.pos)
	}
	return n, nil
}
