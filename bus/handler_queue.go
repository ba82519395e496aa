package bus

// job is one event on its way through a dispatcher.
type job struct {
	event *Event
	key   uint64
	since uint64 // number of jobs that had begun when it came
	next  *job   // in its queue

	lent  Delivery // of a handler: event lies in the region
	own   Event    // of a server: event is a copy, and this it
	bytes []byte   // of which the value and the tail lie here
}

// queue holds jobs by priority, each priority in the order of arrival. The jobs
// are what is taken out of a subscription and not acknowledged, so that the
// subscription's windows bound its length.
type queue struct {
	first, last [priorities]*job
	n           int
}

func (q *queue) push(j *job) {
	i := j.event.Header().Priority - Critical
	if j.next = nil; q.first[i] == nil {
		q.first[i] = j
	} else {
		q.last[i].next = j
	}
	q.last[i] = j
	q.n++
}

// pop takes the oldest job of the highest priority, except that one that has
// waited while starve others began has its turn, the oldest of them. It returns
// nil if there is none. begun is how many have begun.
func (q *queue) pop(begun, starve uint64) *job {
	best := -1
	for i, j := range q.first {
		if j != nil && (best < 0 || begun-j.since >= starve && j.since < q.first[best].since) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	j := q.first[best]
	q.first[best], j.next = j.next, nil
	q.n--
	return j
}
