package main

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
)

func TestBar(t *testing.T) {
	th := plainTheme()
	assert.Equal(t, "────", th.bar(0, 4))
	assert.Equal(t, "╸───", th.bar(0.0001, 4), "anything above nothing shows")
	assert.Equal(t, "━━──", th.bar(0.5, 4))
	assert.Equal(t, "━━╸─", th.bar(0.625, 4))
	assert.Equal(t, "━━━━", th.bar(1, 4))
	assert.Empty(t, th.bar(0.5, 0))
	assert.Equal(t, "##--", newTheme(&strings.Builder{}, true).bar(0.5, 4))
}

func TestBarHasItsWidthWhateverTheShare(t *testing.T) {
	for _, th := range []*theme{plainTheme(), colorTheme(t), newTheme(&strings.Builder{}, true)} {
		for w := range 20 {
			for s := 0.0; s <= 1; s += 0.03 {
				assert.Equal(t, w, ansi.StringWidth(th.bar(s, w)), "share %v", s)
			}
		}
	}
}

func TestShareIsBounded(t *testing.T) {
	assert.Equal(t, 0.5, share(1, 2))
	assert.Equal(t, 1.0, share(1<<63, 2), "more than the lane holds")
	assert.Zero(t, share(5, 0))
	assert.Zero(t, share(5, -1))
}

func TestChart(t *testing.T) {
	th := plainTheme()
	assert.Equal(t, []string{
		"    █ ",
		" ▁▁▄█ ",
	}, th.chart([]float64{-1, 0, 1, 4, 16, -1}, 2, 16, th.plain))
	assert.Equal(t, " ▁▆", th.sparkline([]float64{-1, 0, 7}, th.plain))
}

func TestRoundUp(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 1: 1, 1.5: 2, 3: 5, 851: 1000, 1200: 2000, 5e6: 5e6, 5.1e6: 1e7} {
		assert.InDelta(t, want, roundUp(v), want*1e-9, "%v", v)
	}
}

func TestHistoryMeansAreExact(t *testing.T) {
	h := &history{window: 10 * time.Second}
	at := func(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }
	h.add(at(0), at(2), 100)
	h.add(at(2), at(2.5), 300)
	h.add(at(2.5), at(4), 0)
	h.add(at(4), at(4), 999) // no time passed: no reading
	got := h.buckets(at(4), 5)
	// Buckets of two seconds: [-5,-3) [-3,-1) [-1,1) [1,3) [3,5), as t0 is odd.
	assert.Equal(t, []float64{-1, -1, 100, (100*1 + 300*0.5) / 2, 0}, got)
}

func TestHistoryForgetsWhatLeftTheWindow(t *testing.T) {
	h := &history{window: 10 * time.Second}
	for i := range 1000 {
		h.add(t0.Add(time.Duration(i)*time.Second), t0.Add(time.Duration(i+1)*time.Second), 1)
	}
	assert.LessOrEqual(t, len(h.spans), 11)
	assert.Empty(t, h.buckets(t0, 0))
	assert.Nil(t, (&history{}).buckets(t0, 3))
}
