package bus

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rvoip/shmbus/ring"
)

// Filter says which events a subscription takes; what it does not take counts as
// filtered, neither as received nor as missed, and is there for everybody else.
// The zero Filter takes all. A Filter is immutable and may be used for many
// subscriptions at once, also of several buses.
//
// It is applied in place, in the goroutine that receives, before an event is
// handed out: what it looks at is not copied, and takes no memory. And and Or
// look first at what stands in the event's header (Keys, Sources, Types), then at
// fields, and call functions last.
type Filter struct{ node *filterNode }

// A filterNode is one condition of a Filter.
type filterNode struct {
	text string
	rank filterRank
	// compile makes the test for the events of a subscription.
	compile func(*filterScope) (filterTest, error)
	// all are the conditions that must all be met, if it consists of such.
	all []*filterNode
	// keys are those that the condition takes, nil if it is not about keys.
	keys []uint64
}

// filterRank is what a condition looks at, cheapest first.
type filterRank uint8

const (
	rankHeader filterRank = iota
	rankField
	rankFunc
)

// filterTest tells whether an event is taken. It runs in one goroutine.
type filterTest func(*Event) bool

// filterScope is what a filter is compiled for.
type filterScope struct {
	bus   *Bus
	types []TypeID // nil for all, also those still to come
}

// test returns nil for a filter that takes all.
func (f Filter) test(sc *filterScope) (filterTest, error) {
	if f.node == nil {
		return nil, nil
	}
	return f.node.compile(sc)
}

// sieve returns the part of the filter that looks at headers alone and that every
// event it takes must pass; nil if there is none.
func (f Filter) sieve(sc *filterScope) (filterTest, error) {
	n := f.node
	if n == nil {
		return nil, nil
	}
	if n.rank == rankHeader {
		return n.compile(sc)
	}
	var parts []Filter
	for _, part := range n.all {
		if part.rank == rankHeader {
			parts = append(parts, Filter{part})
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return And(parts...).test(sc)
}

// String returns the conditions in words, for logs.
func (f Filter) String() string {
	if f.node == nil {
		return "all"
	}
	return f.node.text
}

// Keys takes events whose key is one of these.
func Keys(keys ...uint64) Filter {
	keys = append([]uint64{}, keys...)
	f := headerFilter(fmt.Sprintf("key in %v", keys), keys, func(e *Event) uint64 { return e.raw.key })
	f.node.keys = keys
	if len(keys) == 1 {
		key := keys[0]
		f.node.compile = fixedTest(func(e *Event) bool { return e.raw.key == key })
	}
	return f
}

// Sources takes events that one of these participants has published; see
// Bus.ID.
func Sources(participants ...int) Filter {
	return headerFilter(fmt.Sprintf("source in %v", participants), slices.Clone(participants),
		func(e *Event) int { return int(e.raw.source()) })
}

// Types takes events of these types. SubscribeOptions.Types is better where a
// whole subscription is meant, since it also says which lanes are read and what
// wakes; this is for parts of a larger condition.
func Types(ids ...TypeID) Filter {
	return headerFilter(fmt.Sprintf("type in %v", ids), slices.Clone(ids), (*Event).Type)
}

// setSize is from how many values on a set is looked up and not gone through.
const setSize = 8

func headerFilter[V comparable](text string, want []V, of func(*Event) V) Filter {
	test := func(e *Event) bool { return slices.Contains(want, of(e)) }
	if len(want) == 1 {
		only := want[0]
		test = func(e *Event) bool { return of(e) == only }
	} else if len(want) >= setSize {
		set := make(map[V]struct{}, len(want))
		for _, v := range want {
			set[v] = struct{}{}
		}
		test = func(e *Event) bool { _, ok := set[of(e)]; return ok }
	}
	return Filter{&filterNode{text: text, rank: rankHeader, compile: fixedTest(test)}}
}

func fixedTest(t filterTest) func(*filterScope) (filterTest, error) {
	return func(*filterScope) (filterTest, error) { return t, nil }
}

// Match takes events for which fn returns true. fn sees the event in place: it
// must neither keep nor change it, nor use its own subscription, be it for Stats or
// for an Ack. A panic comes out of the receive call, and the event is passed over; in
// a handler or a server it ends the process. fn is called by the goroutines that
// receive, so that it must be safe for concurrent use if the Filter is used for
// several subscriptions. Match panics if fn is nil.
func Match(fn func(*Event) bool) Filter {
	if fn == nil {
		panic("bus: Match of a nil function")
	}
	return Filter{&filterNode{text: "func", rank: rankFunc, compile: fixedTest(fn)}}
}

// MatchValue takes events of type T for whose value fn returns true, as Match
// does; events of other types are not taken. T must be one of the subscription's
// types, or registered, see TypeFor.
func MatchValue[T any](fn func(*T) bool) Filter {
	if fn == nil {
		panic("bus: MatchValue of a nil function")
	}
	return Filter{&filterNode{
		text: fmt.Sprintf("func(%T)", *new(T)), rank: rankFunc,
		compile: fixedTest(func(e *Event) bool {
			v, ok := As[T](e)
			return ok && fn(v)
		}),
	}}
}

// And takes events that all of the filters take: all events if there are none.
func And(filters ...Filter) Filter { return combine(" and ", false, filters) }

// Or takes events that at least one of the filters takes: none if there are no
// filters.
func Or(filters ...Filter) Filter { return combine(" or ", true, filters) }

// And takes events that both f and all of the others take.
func (f Filter) And(others ...Filter) Filter { return And(append([]Filter{f}, others...)...) }

// Or takes events that f or at least one of the others takes.
func (f Filter) Or(others ...Filter) Filter { return Or(append([]Filter{f}, others...)...) }

// Not takes events that f does not take.
func Not(f Filter) Filter {
	n := f.orAll()
	return Filter{&filterNode{text: "not (" + n.text + ")", rank: n.rank, compile: func(sc *filterScope) (filterTest, error) {
		t, err := n.compile(sc)
		if err != nil {
			return nil, err
		}
		return func(e *Event) bool { return !t(e) }, nil
	}}}
}

// orAll is f's condition, also if it has none.
func (f Filter) orAll() *filterNode {
	if f.node == nil {
		return &filterNode{text: "all", compile: fixedTest(func(*Event) bool { return true })}
	}
	return f.node
}

// combine is the condition whose tests are asked until one of them gives stop.
func combine(word string, stop bool, filters []Filter) Filter {
	nodes := make([]*filterNode, len(filters))
	texts := make([]string, len(filters))
	rank := rankHeader
	for i, f := range filters {
		nodes[i] = f.orAll()
		texts[i] = nodes[i].text
		rank = max(rank, nodes[i].rank)
	}
	slices.SortStableFunc(nodes, func(a, b *filterNode) int { return int(a.rank) - int(b.rank) })
	text := "(" + strings.Join(texts, word) + ")"
	if len(texts) == 0 {
		text = map[bool]string{true: "none", false: "all"}[stop]
	}
	n := &filterNode{text: text, rank: rank, compile: func(sc *filterScope) (filterTest, error) {
		tests := make([]filterTest, len(nodes))
		for i, n := range nodes {
			var err error
			if tests[i], err = n.compile(sc); err != nil {
				return nil, err
			}
		}
		return func(e *Event) bool {
			for _, t := range tests {
				if t(e) == stop {
					return stop
				}
			}
			return !stop
		}, nil
	}}
	if !stop {
		n.all = nodes
	}
	return Filter{n}
}

// maxWakeKeys is for how many keys a subscription asks to be woken singly.
const maxWakeKeys = 64

// wakeKeys returns the keys of which every event that f takes has one, nil if
// there are none, or too many to be woken by.
func (f Filter) wakeKeys() []uint64 {
	if f.node == nil {
		return nil
	}
	for _, n := range append([]*filterNode{f.node}, f.node.all...) {
		// An event without a key wakes nobody by its key.
		if n.keys != nil && len(n.keys) <= maxWakeKeys && !slices.Contains(n.keys, 0) {
			return n.keys
		}
	}
	return nil
}

// compile takes the filter of the subscription's options.
func (s *Subscription) compile(f Filter, sc *filterScope) (err error) {
	if s.filter, err = f.test(sc); err != nil {
		return err
	}
	s.keys = f.wakeKeys()
	for _, k := range s.keys {
		s.tags |= 1 << ring.Tag(k)
	}
	front, err := f.sieve(sc)
	if err != nil || front == nil {
		return err
	}
	s.sieve = func(e *Event) bool { return s.takesType(e.raw.typ()) && front(e) }
	return nil
}

// takesType tells whether events of a type are for this subscription.
func (s *Subscription) takesType(t uint32) bool {
	return s.wanted == nil || int(t) < len(s.wanted) && s.wanted[t]
}
