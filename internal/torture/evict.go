package torture

import (
	"fmt"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// mayEvict tells whether the subscription has given cause to be evicted.
func (t *tracker) mayEvict(l int) error {
	page, now := t.pages[l], bus.Now()
	n := page[pageCount].Load()
	if t.keyed || n < recent && !t.lasting {
		return nil // it may have stood still before it got anything
	}
	var err error
	if t.lasting && page[pageHolder].Load() != t.me() {
		err = t.mayHaveBeenEvicted(l)
	} else if since := t.lately(l); !stood(since, now) {
		err = fmt.Errorf("lane %v: evicted, though it has got %d events in the last %v", lanes[l], atOnce, time.Duration(now-since))
	}
	switch {
	case err == nil:
		page[pageExcused].Store(n + gap)
	case n < page[pageExcused].Load():
		err = nil // this is the rest of a gap
	}
	return err
}

// atOnce is how many events a subscription may get while its cursor stands still:
// that moves a window at a time, at most.
const atOnce = window + 2

// lately is when that many events ago was, or when this process began if it has not got
// so many.
func (t *tracker) lately(l int) int64 {
	page := t.pages[l]
	if at := page[pageTimes+int((page[pageCount].Load()+recent-atOnce)%recent)].Load(); at != 0 {
		return int64(at)
	}
	return t.attach
}

// excuse is called before an event is entered. If the subscription has stood still
// until now, it may have been evicted meanwhile and have lost nothing by that yet: it
// has its gate again, and is told only once it meets what was overwritten before.
func (t *tracker) excuse(l int) {
	page, n := t.pages[l], t.pages[l][pageCount].Load()
	away := t.lasting && page[pageHolder].Load() != t.me() && t.mayHaveBeenEvicted(l) == nil
	if away || stood(t.lately(l), bus.Now()) {
		page[pageExcused].Store(n + gap)
	}
}

// gap is how many events a reader may get, after it has its gate again, before
// producers that had not seen that have overwritten all that belongs to its
// eviction.
var gap = func() (most uint64) {
	g := geometry()
	for _, l := range lanes {
		most = max(most, uint64(g.Lane(l.Priority).Capacity))
	}
	return most
}()

func stood(from, to int64) bool { return to-from >= int64(evictAfter) }

// mayHaveBeenEvicted tells whether the subscription has given cause for that since
// a process before this one got its last event.
func (t *tracker) mayHaveBeenEvicted(l int) error {
	page, now := t.pages[l], bus.Now()
	last := int64(page[pageTimes+int(page[pageCount].Load()%recent)].Load())
	switch {
	case t.group, t.limits.events > 0, page[pageHolder].Load()>>8+1 != t.life:
		return nil // it may not hold back so much, or it had others meanwhile
	case t.limits.wait == 0: // as with anybody who stands still
		if !stood(last, now) {
			return fmt.Errorf("lane %v: evicted %v after it got its last event, though the lane allows %v", lanes[l], time.Duration(now-last), evictAfter)
		}
		return nil
	case stood(t.attach, now):
		return nil
	}
	died := int64(t.book.places[t.place].w[placeDied].Load())
	if !stood(last, died) && t.attach-died < int64(t.limits.wait) {
		return fmt.Errorf("lane %v: evicted while no process had it, for %v, though %v were promised", lanes[l], time.Duration(t.attach-died), t.limits.wait)
	}
	return nil
}
