package bus_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

type callStatus uint8

// sample has a field of every kind.
type sample struct {
	I8   int8
	I16  int16
	I32  int32
	I64  int64
	U8   callStatus
	U16  uint16
	U32  uint32
	U64  uint64
	F32  float32
	F64  float64
	Held codec.Bool
	From struct {
		URI  codec.String32
		Hash codec.Bytes16
	}
	Codecs [2]uint8
}

// randomSample has few different values in each field, the extremes among them.
func randomSample(r *rand.Rand) (s sample) {
	pick := func(vs ...int64) int64 { return vs[r.IntN(len(vs))] }
	s.I8 = int8(pick(math.MinInt8, -1, 0, 1, math.MaxInt8))
	s.I16 = int16(pick(math.MinInt16, -1, 0, 1, math.MaxInt16))
	s.I32 = int32(pick(math.MinInt32, -1, 0, 1, math.MaxInt32))
	s.I64 = pick(math.MinInt64, -1, 0, 1, math.MaxInt64)
	s.U8 = callStatus(pick(0, 1, 2, math.MaxUint8))
	s.U16 = uint16(pick(0, 1, 2, math.MaxUint16))
	s.U32 = uint32(pick(0, 1, 2, math.MaxUint32))
	s.U64 = []uint64{0, 1, 2, math.MaxInt64, math.MaxUint64}[r.IntN(5)]
	s.F32 = []float32{-1, 0, 1, float32(math.NaN()), float32(math.Inf(1))}[r.IntN(5)]
	s.F64 = []float64{-1, 0, 1, 0.5, math.NaN(), math.Inf(-1)}[r.IntN(6)]
	s.Held.Set(r.IntN(2) == 0)
	s.From.URI.SetTruncate([]string{"", "sip:a@b", "sip:alice@b", "sips:a", "tel:1"}[r.IntN(5)])
	s.From.Hash.SetTruncate([][]byte{nil, {1}, {1, 2}, {0xff}}[r.IntN(4)])
	return s
}

// What each condition means, in Go.
var filterCases = []struct {
	filter bus.Filter
	takes  func(s *sample) bool
}{
	{bus.Filter{}, func(*sample) bool { return true }},
	{bus.Field("I8").Is(-1), func(s *sample) bool { return s.I8 == -1 }},
	{bus.Field("I8").Is(uint64(math.MaxUint64)), func(*sample) bool { return false }},
	{bus.Field("I16").Less(0), func(s *sample) bool { return s.I16 < 0 }},
	{bus.Field("I16").Less(int64(math.MinInt64)), func(*sample) bool { return false }},
	{bus.Field("I32").AtMost(0), func(s *sample) bool { return s.I32 <= 0 }},
	{bus.Field("I32").More(-0.5), func(s *sample) bool { return s.I32 >= 0 }},
	{bus.Field("I64").More(-1), func(s *sample) bool { return s.I64 > -1 }},
	{bus.Field("I64").Less(uint64(math.MaxUint64)), func(*sample) bool { return true }},
	{bus.Field("I64").IsNot(int64(math.MinInt64)), func(s *sample) bool { return s.I64 != math.MinInt64 }},
	{bus.Field("U8").Is(callStatus(2)), func(s *sample) bool { return s.U8 == 2 }},
	{bus.Field("U16").In(1, 2, uint16(math.MaxUint16)), func(s *sample) bool { return s.U16 != 0 }},
	{bus.Field("U32").AtLeast(2), func(s *sample) bool { return s.U32 >= 2 }},
	{bus.Field("U32").AtLeast(-2), func(*sample) bool { return true }},
	{bus.Field("U64").Between(1, math.MaxInt64), func(s *sample) bool { return s.U64 >= 1 && s.U64 <= math.MaxInt64 }},
	{bus.Field("U64").Is(-1), func(*sample) bool { return false }},
	{bus.Field("F32").Is(1), func(s *sample) bool { return s.F32 == 1 }},
	{bus.Field("F32").IsNot(1), func(s *sample) bool { return s.F32 != 1 }},
	{bus.Field("F32").AtLeast(0), func(s *sample) bool { return s.F32 >= 0 }},
	{bus.Field("F64").Less(0.75), func(s *sample) bool { return s.F64 < 0.75 }},
	{bus.Field("F64").More(math.Inf(-1)), func(s *sample) bool { return s.F64 > math.Inf(-1) }},
	{bus.Field("F64").In(math.NaN(), 0.5), func(s *sample) bool { return s.F64 == 0.5 }},
	{bus.Field("Held").Is(true), func(s *sample) bool { return s.Held.Get() }},
	{bus.Field("Held").IsNot(codec.True), func(s *sample) bool { return !s.Held.Get() }},
	{bus.Field("From.URI").Is("sip:a@b"), func(s *sample) bool { return s.From.URI.String() == "sip:a@b" }},
	{bus.Field("From.URI").HasPrefix("sip:"), func(s *sample) bool { return strings.HasPrefix(s.From.URI.String(), "sip:") }},
	{bus.Field("From.URI").Contains("a@"), func(s *sample) bool { return strings.Contains(s.From.URI.String(), "a@") }},
	{bus.Field("From.URI").Less("sips"), func(s *sample) bool { return s.From.URI.String() < "sips" }},
	{bus.Field("From.URI").In("", "tel:1"), func(s *sample) bool { u := s.From.URI.String(); return u == "" || u == "tel:1" }},
	{bus.Field("From.Hash").Is([]byte{1, 2}), func(s *sample) bool { return slices.Equal(s.From.Hash.Bytes(), []byte{1, 2}) }},
	{bus.Field("From.Hash").Is(sample{}.From.Hash), func(s *sample) bool { return s.From.Hash.Len() == 0 }},
	{bus.MatchValue(func(s *sample) bool { return s.I8 > s.I64Low() }), func(s *sample) bool { return s.I8 > s.I64Low() }},
	{bus.Match(func(e *bus.Event) bool { return e.Value()[0] == 1 }), func(s *sample) bool { return s.I8 == 1 }},
	{
		bus.Field("U8").Is(1).And(bus.Field("Held").Is(true), bus.Field("I8").Less(1)),
		func(s *sample) bool { return s.U8 == 1 && s.Held.Get() && s.I8 < 1 },
	},
	{
		bus.Field("U8").Is(1).Or(bus.Field("U16").Is(2), bus.Field("F32").Is(0)),
		func(s *sample) bool { return s.U8 == 1 || s.U16 == 2 || s.F32 == 0 },
	},
	{bus.Not(bus.Field("U8").Is(1)), func(s *sample) bool { return s.U8 != 1 }},
	{bus.Not(bus.Filter{}), func(*sample) bool { return false }},
	{bus.And(), func(*sample) bool { return true }},
	{bus.Or(), func(*sample) bool { return false }},
	{bus.Or(bus.Filter{}), func(*sample) bool { return true }},
	{
		bus.Or(bus.Not(bus.And(bus.Field("U8").Is(1), bus.Field("U16").Is(1))), bus.Field("I64").Is(0)),
		func(s *sample) bool { return s.U8 != 1 || s.U16 != 1 || s.I64 == 0 },
	},
}

func (s *sample) I64Low() int8 { return int8(s.I64) }

// Every condition takes exactly the events that it says, and counts the others.
func TestFilterTakesWhatItSays(t *testing.T) {
	geo := small()
	geo.Normal.SlotSize = 192
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[sample](t, b, &bus.PublisherOptions{Type: bus.TypeOptions{Name: "sample"}})
		r := rand.New(rand.NewPCG(1, 2))
		for _, c := range filterCases {
			t.Run(c.filter.String(), func(t *testing.T) {
				o := &bus.SubscribeOptions{Type: bus.TypeOptions{Name: "sample"}, Filter: c.filter}
				typed := newSub[sample](t, b, o)
				raw, err := b.Subscribe(&bus.SubscribeOptions{Filter: c.filter, Priorities: []bus.Priority{bus.Normal}})
				require.NoError(t, err)
				defer func() {
					require.NoError(t, typed.Close())
					require.NoError(t, raw.Close())
				}()
				var filtered uint64
				for range 100 {
					v := randomSample(r)
					require.NoError(t, pub.TryPublish(&v))
					got, err := typed.TryReceive()
					other, rawErr := raw.TryReceive()
					if !c.takes(&v) {
						filtered++
						require.ErrorIsf(t, err, bus.ErrEmpty, "%+v", v)
						require.ErrorIsf(t, rawErr, bus.ErrEmpty, "%+v", v)
						continue
					}
					require.NoErrorf(t, err, "%+v", v)
					require.NoErrorf(t, rawErr, "%+v", v)
					require.Equal(t, codec.AsBytes(&v), codec.AsBytes(&got.Value))
					require.Equal(t, codec.AsBytes(&v), other.Value)
				}
				want := bus.SubscriberStats{Received: 100 - filtered, Filtered: filtered}
				_, _ = typed.TryReceive() // which gives back the last
				_, _ = raw.TryReceive()
				assert.Equal(t, want, typed.Stats())
				assert.Equal(t, want, raw.Stats())
			})
		}
	})
}

func TestFilterByHeader(t *testing.T) {
	eachPair(t, func(t *testing.T, a, b *bus.Bus) {
		mine, theirs := newPub[tick](t, a, nil), newPub[tick](t, b, nil)
		calls := newPub[call](t, a, nil)
		many := []uint64{3, 5, 7, 9, 11, 13, 15, 17, 19}
		for _, c := range []struct {
			filter bus.Filter
			takes  func(h bus.Header) bool
		}{
			{bus.Keys(3), func(h bus.Header) bool { return h.Key == 3 }},
			{bus.Keys(3, 4), func(h bus.Header) bool { return h.Key == 3 || h.Key == 4 }},
			{bus.Keys(many...), func(h bus.Header) bool { return slices.Contains(many, h.Key) }},
			{bus.Keys(), func(bus.Header) bool { return false }},
			{bus.Sources(b.ID()), func(h bus.Header) bool { return h.Source == b.ID() }},
			{bus.Types(typeID[call](t, a)), func(h bus.Header) bool { return h.Type == typeID[call](t, a) }},
			{
				bus.Types(typeID[call](t, a)).Or(bus.Keys(0, 1)).And(bus.Sources(a.ID())),
				func(h bus.Header) bool { return (h.Type == typeID[call](t, a) || h.Key < 2) && h.Source == a.ID() },
			},
		} {
			t.Run(c.filter.String(), func(t *testing.T) {
				all, err := b.Subscribe(&bus.SubscribeOptions{Start: bus.StartNewest})
				require.NoError(t, err)
				some, err := b.Subscribe(&bus.SubscribeOptions{Filter: c.filter})
				require.NoError(t, err)
				defer func() {
					require.NoError(t, all.Close())
					require.NoError(t, some.Close())
				}()
				for key := range uint64(20) {
					require.NoError(t, mine.TryPublishWith(&tick{Seq: key}, bus.With{Key: key}))
					require.NoError(t, theirs.TryPublishWith(&tick{Seq: key}, bus.With{Key: key}))
					require.NoError(t, calls.TryPublishWith(&call{Seq: key}, bus.With{Key: key}))
				}
				var want, got []bus.Header
				_, err = all.TryViewBatch(100, func(e *bus.Event) error {
					if c.takes(e.Header()) {
						want = append(want, e.Header())
					}
					return nil
				})
				require.NoError(t, err)
				_, err = some.TryViewBatch(100, func(e *bus.Event) error {
					got = append(got, e.Header())
					return nil
				})
				if len(want) == 0 {
					require.ErrorIs(t, err, bus.ErrEmpty)
				} else {
					require.NoError(t, err)
				}
				assert.Equal(t, want, got)
				assert.Equal(t, uint64(60-len(want)), some.Stats().Filtered)
			})
		}
	})
}

// A filter costs others nothing: they get all, in order, and what one passes
// over makes nobody wait on a reliable lane.
func TestFilterLosesNothingForOthers(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		some := newSub[tick](t, b, &bus.SubscribeOptions{Filter: bus.Field("Seq").In(0, 500, 999)})
		all := newSub[tick](t, b, nil)
		done := async(func() error {
			for i := range uint64(1000) {
				if err := pub.Publish(background(), &tick{Seq: i}); err != nil {
					return err
				}
			}
			return nil
		})
		got := async(func() error {
			for _, want := range []uint64{0, 500, 999} {
				m, err := some.Receive(background())
				if err != nil {
					return err
				}
				if m.Value.Seq != want {
					return fmt.Errorf("tick %d, want %d", m.Value.Seq, want)
				}
			}
			return nil
		})
		for i := range uint64(1000) {
			m, err := all.Receive(background())
			require.NoError(t, err)
			require.Equal(t, i, m.Value.Seq)
		}
		require.NoError(t, result(t, done))
		require.NoError(t, result(t, got))
		_, err := some.TryReceive() // which gives back what was passed over last
		require.ErrorIs(t, err, bus.ErrEmpty)
		assert.Equal(t, bus.SubscriberStats{Received: 3, Filtered: 997}, awake(some.Stats()))
	})
}

// A type that is registered after the subscription has begun is looked up when
// its first event comes.
func TestFilterOnTypesToCome(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		sub, err := b.Subscribe(&bus.SubscribeOptions{Filter: bus.Field("Seq").More(1)})
		require.NoError(t, err)
		type without struct{ Other uint64 }
		type another struct{ Seq [2]uint64 }
		nowhere, ordered, array := newPub[without](t, b, nil), newPub[call](t, b, nil), newPub[another](t, b, nil)
		for i := range uint64(3) {
			require.NoError(t, nowhere.TryPublish(&without{i}))
			require.NoError(t, ordered.TryPublish(&call{i}))
			require.NoError(t, array.TryPublish(&another{}))
		}
		m, err := sub.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, ordered.Type(), m.Type)
		_, err = sub.TryReceive()
		require.ErrorIs(t, err, bus.ErrEmpty)
		assert.Equal(t, uint64(8), sub.Stats().Filtered)
	})
}

func TestFilterThatCannotBe(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, c := range []struct {
			filter bus.Filter
			says   string
		}{
			{bus.Field("Stat").Is(1), `filter on a field "Stat" that is not there: sample has I8 int8@0`},
			{bus.Field("I8").Is("1"), "filter on type sample: field I8 is a int8 and cannot be compared with a string"},
			{bus.Field("I8").HasPrefix("1"), "cannot be compared with a string"},
			{bus.Field("Held").Is(1), "field Held is a bool and cannot be compared with a whole number"},
			{bus.Field("From.URI").More(1.5), "cannot be compared with a floating-point number"},
			{bus.Field("Codecs").Is(1), "field Codecs is a [2]uint8 and has no order; use MatchValue"},
			{bus.Not(bus.Or(bus.Keys(1), bus.Field("Nope").Is(1))), `"Nope"`},
			{bus.And(bus.Keys(1), bus.Field("Nope").Is(1)), `"Nope"`},
		} {
			_, err := bus.Subscribe[sample](b, &bus.SubscribeOptions{Type: bus.TypeOptions{Name: "sample"}, Filter: c.filter})
			require.ErrorIs(t, err, bus.ErrOptions)
			require.ErrorContains(t, err, c.says)
		}
		h, err := b.Held()
		require.NoError(t, err)
		assert.Zero(t, h.Subscribers, "nothing is left of a subscription that failed")
	})
	assert.PanicsWithValue(t, "bus: a filter compares numbers, bools, strings and bytes, not a *int",
		func() { bus.Field("I8").Is(new(int)) })
	assert.Panics(t, func() { bus.Field("I8").In(1, nil) })
	assert.Panics(t, func() { bus.Match(nil) })
	assert.Panics(t, func() { bus.MatchValue[tick](nil) })
}

func TestFilterInWords(t *testing.T) {
	assert.Equal(t, "all", bus.Filter{}.String())
	assert.Equal(t, "(State >= 3 and (key in [7] or not (From.URI has prefix \"sip:\")))",
		bus.And(bus.Field("State").AtLeast(3), bus.Or(bus.Keys(7), bus.Not(bus.Field("From.URI").HasPrefix("sip:")))).String())
}

// Conditions on the header come first, and functions last.
func TestFilterAsksFunctionsLast(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		asked := 0
		f := bus.And(bus.Match(func(*bus.Event) bool { asked++; return true }), bus.Field("Seq").Less(4), bus.Keys(1))
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Filter: f})
		pub := newPub[tick](t, b, nil)
		for i := range uint64(10) {
			require.NoError(t, pub.TryPublishWith(&tick{Seq: i}, bus.With{Key: i % 2}))
		}
		n, err := sub.TryViewBatch(10, func(*tick, *bus.Event) error { return nil })
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		assert.Equal(t, 2, asked)
	})
}

func TestFilterDoesNotAllocate(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := bus.And(bus.Keys(0, 1), bus.Field("Name").HasPrefix("a"), bus.Field("Seq").In(1, 2, 3), bus.Field("Seq").Less(2.5),
			bus.MatchValue(func(v *tick) bool { return v.Seq != 0 }))
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Filter: f})
		pub := newPub[tick](t, b, nil)
		var v tick
		v.Name.SetTruncate("abc")
		seen := 0
		see := func(*tick, *bus.Event) error { seen++; return nil }
		allocs := testing.AllocsPerRun(1000, func() {
			v.Seq++
			v.Seq %= 8
			if err := pub.TryPublish(&v); err != nil {
				t.Error(err)
			}
			_, _ = sub.TryViewBatch(16, see)
		})
		assert.Zero(t, allocs)
		assert.NotZero(t, seen)
	})
}

// eachPair runs a test over two buses of one region, and over a local bus that
// is both.
func eachPair(t *testing.T, f func(t *testing.T, a, b *bus.Bus)) {
	t.Helper()
	o := bus.Options{Geometry: small()}
	t.Run("Shared", func(t *testing.T) {
		dir := t.TempDir()
		f(t, open(t, dir, o), open(t, dir, o))
	})
	t.Run("Local", func(t *testing.T) {
		b, err := bus.OpenLocal(&o)
		require.NoError(t, err)
		closeAfter(t, b)
		f(t, b, b)
	})
}

// A filter that panics in a batch takes one event with it. What had been copied is
// finished by the next call, also of a subscription that somebody else may go on with.
func TestFilterPanicsInABatch(t *testing.T) {
	for _, o := range []bus.SubscribeOptions{{Window: 2}, {Window: 2, Durable: "d"}, {Window: 2, Group: "g"}} {
		each(t, func(t *testing.T, b *bus.Bus) {
			o.Filter = bus.MatchValue(func(v *tick) bool {
				if v.Seq == 1 {
					panic("one")
				}
				return true
			})
			s := newSub[tick](t, b, &o)
			publishTicks(t, newPub[tick](t, b, nil), 0, 4)
			require.PanicsWithValue(t, "one", func() { _, _ = s.ReceiveBatch(background(), make([]bus.Message[tick], 4)) })
			for i := range uint64(2) {
				m, err := s.ReceiveTimeout(patience)
				require.NoError(t, err)
				require.Equal(t, i+2, m.Value.Seq)
			}
			requireEmpty(t, s)
		})
	}
}

// An event whose filter panics is passed over, and counted as such.
func TestFilterThatPanicsIsCounted(t *testing.T) {
	for _, take := range []bool{false, true} {
		each(t, func(t *testing.T, b *bus.Bus) {
			sub := newSub[tick](t, b, &bus.SubscribeOptions{Filter: bus.MatchValue(func(v *tick) bool {
				if v.Seq == 0 {
					panic("one")
				}
				return v.Seq != 1
			})})
			next := func() error {
				if !take {
					_, err := sub.TryReceive()
					return err
				}
				d, err := sub.TryTake()
				if err == nil {
					d.Ack()
				}
				return err
			}
			publishTicks(t, newPub[tick](t, b, nil), 0, 3)
			require.PanicsWithValue(t, "one", func() { _ = next() })
			require.NoError(t, next())
			require.ErrorIs(t, next(), bus.ErrEmpty)
			st := sub.Stats()
			assert.Equal(t, [4]uint64{1, 2, 0, 0}, [4]uint64{st.Received, st.Filtered, st.Missed, st.Depth})
		})
	}
}
