package bus

// choose picks the lane that the next event comes from, or nil when none has
// one: the highest priority that has something, so that Critical is always
// first, except that a lower lane that has waited while starve others were
// looked at gets its turn, the one that has waited longest, once in so many.
func (s *Subscription) choose() *subLane {
	if s.streak >= s.starve {
		s.streak = 0
		if l := s.waiting(); l != nil {
			// Events in a row do not starve a lane that some were from.
			waited := s.served - l.served
			if waited >= uint64(s.starve) {
				return l
			}
			s.streak = int(waited)
		}
	}
	for i := 0; i < len(s.lanes); {
		l, next := s.level(i)
		if l != nil {
			s.streak++
			return l
		}
		i = next
	}
	return nil
}

// level picks among the shards of one priority, which begin at lane i: the one
// whose window is open, or else the one that was served least recently.
func (s *Subscription) level(i int) (best *subLane, next int) {
	for next = i; next < len(s.lanes) && s.lanes[next].priority == s.lanes[i].priority; next++ {
		l := s.lanes[next]
		if l.shut {
			continue
		}
		if l.next < l.reader.Window() {
			best = l
			break
		}
		if l.reader.Ready() && (best == nil || l.served < best.served) {
			best = l
		}
	}
	for next < len(s.lanes) && s.lanes[next].priority == s.lanes[i].priority {
		next++
	}
	return best, next
}

// waiting picks the lane below the highest that has an event and was served
// least recently.
func (s *Subscription) waiting() (best *subLane) {
	top := -1
	for i, l := range s.lanes {
		if !l.has() {
			continue
		}
		if top < 0 {
			top = i
		}
		if l.priority != s.lanes[top].priority && (best == nil || l.served < best.served) {
			best = l
		}
	}
	return best
}

// has tells whether the lane has an event for us to look at.
func (l *subLane) has() bool { return !l.shut && (l.next < l.reader.Window() || l.reader.Ready()) }
