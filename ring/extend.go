package ring

import "github.com/rvoip/shmbus/internal/failpoint"

// Extend adds up to max more events to the end of the window, as far as they are
// published and the reader has pins left, and returns how many. What the window
// holds already stays where it is. gap tells that the next event is overwritten:
// the whole window must be given back before Poll can count what was missed.
func (r *Reader) Extend(max int) (n int, gap bool, err error) {
	held := r.Window()
	max = min(max, r.ahead-held)
	if max <= 0 {
		return 0, false, nil
	}
	copy(r.refs, r.refs[r.first:r.width])
	r.first, r.width = 0, held
	if before(r.pinned, r.pos+uint64(held+max)) {
		if err := r.move(r.pos); err != nil {
			return 0, false, err
		}
	}
	failpoint.Hit(stepLook)
	n, skip := r.look(held, max)
	r.width += n
	return n, skip > 0, nil
}
