package stat

import (
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	highest = int64(100e9) // ns; what is longer counts as this
	digits  = 3
)

// Latency is a histogram of nanoseconds with three significant digits. It
// travels between processes as JSON.
type Latency struct{ h *hdrhistogram.Histogram }

// NewLatency returns an empty histogram.
func NewLatency() *Latency { return &Latency{hdrhistogram.New(1, highest, digits)} }

// Record adds one value.
func (l *Latency) Record(ns int64) {
	// Within bounds there is nothing it could refuse.
	_ = l.h.RecordValue(min(max(ns, 1), highest))
}

// RecordN adds one value n times.
func (l *Latency) RecordN(ns int64, n int64) {
	_ = l.h.RecordValues(min(max(ns, 1), highest), n)
}

// Merge adds all values of o.
func (l *Latency) Merge(o *Latency) {
	if o != nil {
		l.h.Merge(o.h)
	}
}

// Count is how many values there are.
func (l *Latency) Count() int64 {
	if l == nil {
		return 0
	}
	return l.h.TotalCount()
}

// Percentiles of a histogram, in nanoseconds.
type Percentiles struct {
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p999"`
	Max  int64 `json:"max"`
}

// Percentiles returns nil for an empty histogram.
func (l *Latency) Percentiles() *Percentiles {
	if l.Count() == 0 {
		return nil
	}
	return &Percentiles{
		P50:  l.h.ValueAtQuantile(50),
		P90:  l.h.ValueAtQuantile(90),
		P99:  l.h.ValueAtQuantile(99),
		P999: l.h.ValueAtQuantile(99.9),
		Max:  l.h.Max(),
	}
}

// MarshalText encodes the histogram in HdrHistogram's own compressed form.
func (l *Latency) MarshalText() ([]byte, error) {
	b, err := l.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, fmt.Errorf("stat: encode a histogram: %w", err)
	}
	return b, nil
}

// UnmarshalText is the inverse of MarshalText.
func (l *Latency) UnmarshalText(b []byte) error {
	h, err := hdrhistogram.Decode(b)
	if err != nil {
		return fmt.Errorf("stat: decode a histogram: %w", err)
	}
	l.h = h
	return nil
}

var blocks = []rune("▁▂▃▄▅▆▇█")

// Sparkline draws the histogram between its lowest value and its 99.9th
// percentile in width characters, each as wide as its neighbour, and returns
// these bounds in nanoseconds.
func (l *Latency) Sparkline(width int) (line string, from, to int64) {
	if l.Count() == 0 || width <= 0 {
		return "", 0, 0
	}
	from, to = l.h.Min(), max(l.h.ValueAtQuantile(99.9), l.h.Min()+1)
	counts := make([]int64, width)
	for _, b := range l.h.Distribution() {
		if b.Count == 0 || b.From > to {
			continue
		}
		i := int((max(b.From, from) - from) * int64(width) / (to - from + 1))
		counts[min(max(i, 0), width-1)] += b.Count
	}
	var most int64 = 1
	for _, c := range counts {
		most = max(most, c)
	}
	out := make([]rune, width)
	for i, c := range counts {
		if out[i] = ' '; c > 0 {
			out[i] = blocks[c*int64(len(blocks)-1)/most]
		}
	}
	return string(out), from, to
}
