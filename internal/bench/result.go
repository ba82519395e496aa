package bench

import (
	"fmt"
	"math"
	"time"

	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/floor"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

// Result is what one run measured. Fields a workload does not measure are left
// out of its JSON.
type Result struct {
	Workload string `json:"workload"`
	Config   Config `json:"config"`
	// Time is when the run began, Version that of the program.
	Time    time.Time `json:"time"`
	Version string    `json:"version"`
	Seconds float64   `json:"seconds"`

	// Published counts accepted events, Delivered the sum over subscribers,
	// Lost what a subscriber should have had and did not.
	Published uint64 `json:"published"`
	Delivered uint64 `json:"delivered"`
	Lost      uint64 `json:"lost"`
	// Missed is how much of it the bus told its subscribers of.
	Missed     uint64 `json:"missed"`
	Disordered uint64 `json:"disordered"`
	Corrupt    uint64 `json:"corrupt"`

	PublishedPerS float64 `json:"published_per_s,omitempty"`
	DeliveredPerS float64 `json:"delivered_per_s,omitempty"`

	Latency *stat.Percentiles `json:"latency_ns,omitempty"`
	// FutexNS is what a bare futex took that was woken in the same run, at the same
	// rate; Slept how often the subscriber came back from sleep.
	FutexNS *stat.Percentiles `json:"futex_ns,omitempty"`
	Slept   uint64            `json:"slept,omitempty"`
	// What single workloads have to say, nil of the others; its fields stand
	// among those of the result.
	*Flood
	*RTP
	*Crash
	// Points are the steps of a workload that has several.
	Points []Point `json:"points,omitempty"`
	// PublishNS is the publisher's wall time for an event, writing it and any
	// waiting for room included; PublishAloneNS the same while nobody reads.
	PublishNS      float64 `json:"publish_ns,omitempty"`
	PublishAloneNS float64 `json:"publish_alone_ns,omitempty"`
	// AllocsPerEvent is that of the process with the most, to a thousandth.
	AllocsPerEvent float64 `json:"allocs_per_event"`
	CPUSeconds     float64 `json:"cpu_seconds"`

	// Match sets a subscriber that filters beside one that takes all.
	Match *Match `json:"match,omitempty"`

	// Floor has the lower of what was measured before and after the run.
	Floor       floor.Result `json:"floor"`
	FloorBefore floor.Result `json:"floor_before"`
	FloorAfter  floor.Result `json:"floor_after"`
	// Ratio sets the run beside the floor that RatioOf names.
	Ratio   float64 `json:"ratio"`
	RatioOf string  `json:"ratio_of"`
	// RatioSPSC sets the median latency beside spsc_ns, where both were measured
	// in turn.
	RatioSPSC float64 `json:"ratio_spsc,omitempty"`
	// RatioFan sets the time per published event beside fan_event_ns, where that was
	// measured.
	RatioFan float64 `json:"ratio_fan,omitempty"`
	// RatioP99 is that of the 99th percentiles, where the floor has one.
	RatioP99 float64 `json:"ratio_p99,omitempty"`

	Machine Machine `json:"machine"`

	latency *stat.Latency
	// figureIsLatency tells that the run is about its latency, not its rate.
	figureIsLatency bool
	// headline is the figure where it is neither the median latency nor the rate.
	headline float64
	// setBeside sets Ratio and RatioOf where the workload has a floor of its own.
	setBeside func(*Result)
	// details are rows of the table that only this workload has, points a
	// table of its steps.
	details, points [][]string
}

// setUsage takes the account of all processes of the run.
func (r *Result) setUsage(us []fleet.Usage) {
	for _, u := range us {
		r.CPUSeconds += u.CPUSeconds
		if u.Events > 0 {
			per := float64(u.Mallocs) / float64(u.Events)
			r.AllocsPerEvent = max(r.AllocsPerEvent, math.Round(per*1000)/1000)
		}
	}
}

func (r *Result) setLatency(l *stat.Latency) {
	r.latency, r.Latency = l, l.Percentiles()
}

// verdict is nil if the run kept what the bus promises: nothing is lost on a
// reliable lane, and on a lossy one nothing without being counted.
func (r *Result) verdict() error {
	if r.Disordered != 0 || r.Corrupt != 0 || r.Config.Policy == policyReliable && r.Lost != 0 {
		return fmt.Errorf("%s: %w: %d lost, %d out of order, %d with wrong bytes", r.Workload, errFailed, r.Lost, r.Disordered, r.Corrupt)
	}
	if r.Missed != r.Lost {
		return fmt.Errorf("%s: %w: %d lost, but the bus told of %d", r.Workload, errFailed, r.Lost, r.Missed)
	}
	return nil
}

func perSecond(n uint64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(n) / seconds
}

func ratio(ours, floor float64) float64 {
	if floor <= 0 {
		return 0
	}
	return ours / floor
}

// figure is the number that runs of a workload are compared by.
func (r *Result) figure() float64 {
	if r.headline != 0 {
		return r.headline
	}
	if r.figureIsLatency {
		return float64(r.Latency.P50)
	}
	return r.PublishedPerS
}
