package bus

// SubscriberStats count what one subscription saw. Counts, which sum up many, say
// Delivered for Received and Lost for Missed.
type SubscriberStats struct {
	Received  uint64 // events delivered; those of a batch count by the end of its call
	Filtered  uint64 // events passed over because of their type or the Filter
	Missed    uint64 // events overwritten before it came to them
	Evictions uint64 // times that it lost its hold on a reliable lane
	Depth     uint64 // events published and not received, all lanes
	Wakeups   uint64 // times that it came back from sleep, for whatever reason
}

// Stats returns what the subscription has counted, over all lanes and, if it is
// durable, over all processes that had it. It is safe for concurrent use.
func (s *Subscription) Stats() (st SubscriberStats) {
	_ = s.bus.guarded(func() error {
		st = s.count()
		return nil
	})
	if f := s.final.Load(); f != nil {
		return *f
	}
	return st
}

func (s *Subscription) count() (st SubscriberStats) {
	if s.group != nil {
		return s.countGroup()
	}
	for _, l := range s.lanes {
		st.add(l.count(s.record))
	}
	st.Wakeups = s.bus.region.subscribers[s.record].wakeups.Load()
	return st
}

// count is what the subscription of record i has counted on the lane.
func (l *lane) count(i int) SubscriberStats {
	c := l.Cursor(i)
	return SubscriberStats{Received: c.Received, Filtered: c.Filtered, Missed: c.Missed, Evictions: c.Evictions, Depth: c.Depth}
}

func (st *SubscriberStats) add(o SubscriberStats) {
	st.Received += o.Received
	st.Filtered += o.Filtered
	st.Missed += o.Missed
	st.Evictions += o.Evictions
	st.Depth += o.Depth
}

// minus is what was counted since o. Depth is no count.
func (st SubscriberStats) minus(o SubscriberStats) SubscriberStats {
	return SubscriberStats{
		Received: st.Received - o.Received, Filtered: st.Filtered - o.Filtered, Missed: st.Missed - o.Missed,
		Evictions: st.Evictions - o.Evictions,
	}
}
