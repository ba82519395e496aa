package stat

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLatencyTravelsWhole(t *testing.T) {
	a := NewLatency()
	for i := int64(1); i <= 1000; i++ {
		a.Record(i * 100)
	}
	a.Record(-5)           // a clock that stepped back counts as the least
	a.Record(highest * 10) // and what is too long as the most
	b, err := json.Marshal(a)
	require.NoError(t, err)
	back := NewLatency()
	require.NoError(t, json.Unmarshal(b, back))
	assert.Equal(t, a.Percentiles(), back.Percentiles())
	assert.EqualValues(t, 1002, back.Count())
	back.Merge(a)
	back.Merge(nil)
	assert.EqualValues(t, 2004, back.Count())
	assert.InEpsilon(t, 50_000, a.Percentiles().P50, 0.01)
	assert.GreaterOrEqual(t, a.Percentiles().Max, highest)
	assert.Error(t, back.UnmarshalText([]byte("no histogram")))
}

func TestEmptyLatencySaysNothing(t *testing.T) {
	assert.Nil(t, NewLatency().Percentiles())
	line, _, _ := NewLatency().Sparkline(10)
	assert.Empty(t, line)
	var none *Latency
	assert.Zero(t, none.Count())
}

func TestSparklineShowsTwoHumps(t *testing.T) {
	l := NewLatency()
	for range 1000 {
		l.Record(100)
	}
	for range 500 {
		l.Record(1000)
	}
	line, from, to := l.Sparkline(20)
	assert.EqualValues(t, 100, from)
	assert.EqualValues(t, 1000, to)
	require.Equal(t, 20, utf8.RuneCountInString(line))
	r := []rune(line)
	assert.Equal(t, '█', r[0])
	assert.Equal(t, ' ', r[10])
	assert.Equal(t, '▄', r[19])
}

func TestSparklineOfOneValue(t *testing.T) {
	l := NewLatency()
	l.Record(5)
	line, _, _ := l.Sparkline(3)
	assert.Equal(t, 3, utf8.RuneCountInString(line))
	assert.Contains(t, line, "█")
}

func TestMedianAndSpread(t *testing.T) {
	assert.Zero(t, Median(nil))
	assert.EqualValues(t, 2, Median([]float64{3, 1, 2}))
	assert.EqualValues(t, 2, Median([]float64{4, 1, 2, 3}))
	assert.Equal(t, 2, MedianIndex([]float64{9, 1, 5}))
	assert.InDelta(t, 1.0, Spread([]float64{3, 1, 2}), 1e-9)
	assert.Zero(t, Spread([]float64{0, 0}))
}
