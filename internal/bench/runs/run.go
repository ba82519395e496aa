package runs

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/rvoip/shmbus/internal/bench/floor"
)

// Run is one run. What was not measured is 0 or nil.
type Run struct {
	Workload string `json:"workload"`
	// Peer is what was measured, empty for this bus.
	Peer    string    `json:"peer"`
	Config  Config    `json:"config"`
	Time    time.Time `json:"time"`
	Version string    `json:"version"`
	Seconds float64   `json:"seconds"`

	Published  float64 `json:"published"`
	Delivered  float64 `json:"delivered"`
	Lost       float64 `json:"lost"`
	Disordered float64 `json:"disordered"`
	Corrupt    float64 `json:"corrupt"`

	PublishedPerS float64 `json:"published_per_s"`
	DeliveredPerS float64 `json:"delivered_per_s"`

	Latency *Percentiles `json:"latency_ns"`

	// FutexNS is a bare futex woken beside the run.
	FutexNS *Percentiles `json:"futex_ns"`

	// Of flood: Critical events under a flood of lower lanes, and without; late is
	// from when an event was due.
	Critical     *Percentiles `json:"critical"`
	Idle         *Percentiles `json:"idle"`
	CriticalLate *Percentiles `json:"critical_late"`
	IdleLate     *Percentiles `json:"idle_late"`

	// Of rtp: packets a second as intended and as achieved, and how late they were.
	Calls    float64      `json:"calls"`
	Rate     float64      `json:"rate"`
	Achieved float64      `json:"achieved_per_s"`
	Late     *Percentiles `json:"late_ns"`
	Held     *bool        `json:"held"`
	Tries    []Try        `json:"tries"`

	// Of crash: how often processes were killed and stopped, and the longest
	// time from one delivery to the next.
	Kills        float64 `json:"kills"`
	Freezes      float64 `json:"freezes"`
	LongestStall float64 `json:"longest_stall_ns"`

	// Points are the steps of scale and size.
	Points []Point `json:"points"`

	PublishNS      float64 `json:"publish_ns"`
	PublishAloneNS float64 `json:"publish_alone_ns"`
	// AllocsPerEvent is nil where nobody counted.
	AllocsPerEvent *float64 `json:"allocs_per_event"`
	CPUSeconds     float64  `json:"cpu_seconds"`

	Floor   floor.Result `json:"floor"`
	Ratio   float64      `json:"ratio"`
	RatioOf string       `json:"ratio_of"`

	Machine Machine `json:"machine"`

	// Step tells that it is a point of another run.
	Step bool `json:"-"`
	// File is where it was read.
	File string `json:"-"`
}

// Percentiles of a latency, in nanoseconds.
type Percentiles struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Try is one number of calls of a search.
type Try struct {
	Calls float64      `json:"calls"`
	Held  bool         `json:"held"`
	Late  *Percentiles `json:"late_ns"`
}

// Point is one step of a run that takes several.
type Point struct {
	Kind          string       `json:"kind"`
	Pubs          int          `json:"pubs"`
	Subs          int          `json:"subs"`
	Size          int          `json:"size"`
	Capacity      int          `json:"capacity"`
	Published     float64      `json:"published"`
	Delivered     float64      `json:"delivered"`
	PublishedPerS float64      `json:"published_per_s"`
	DeliveredPerS float64      `json:"delivered_per_s"`
	PublishNS     float64      `json:"publish_ns"`
	Floor         floor.Result `json:"floor"`
	Ratio         float64      `json:"ratio"`
	RatioOf       string       `json:"ratio_of"`
}

// Machine is where a run took place.
type Machine struct {
	CPUs   int    `json:"cpus"`
	Model  string `json:"model"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// check refuses what no program measures. The JSON alone admits it.
func (r *Run) check() error {
	if r.Workload == "" {
		return fmt.Errorf("has no \"workload\": is it a result of shmbench -json?")
	}
	numbers := map[string]float64{
		"seconds": r.Seconds, "published": r.Published, "delivered": r.Delivered, "lost": r.Lost,
		"published_per_s": r.PublishedPerS, "delivered_per_s": r.DeliveredPerS,
		"publish_ns": r.PublishNS, "publish_alone_ns": r.PublishAloneNS, "cpu_seconds": r.CPUSeconds, "ratio": r.Ratio,
		"calls": r.Calls, "rate": r.Rate, "achieved_per_s": r.Achieved,
		"kills": r.Kills, "freezes": r.Freezes, "longest_stall_ns": r.LongestStall,
	}
	latencies := map[string]*Percentiles{
		"latency_ns": r.Latency, "futex_ns": r.FutexNS, "late_ns": r.Late,
		"critical": r.Critical, "idle": r.Idle, "critical_late": r.CriticalLate, "idle_late": r.IdleLate,
	}
	for i, t := range r.Tries {
		at := fmt.Sprintf("tries[%d].", i)
		numbers[at+"calls"], latencies[at+"late_ns"] = t.Calls, t.Late
	}
	for i, p := range r.Points {
		at := fmt.Sprintf("points[%d].", i)
		numbers[at+"publish_ns"], numbers[at+"published_per_s"] = p.PublishNS, p.PublishedPerS
		numbers[at+"published"], numbers[at+"delivered_per_s"], numbers[at+"ratio"] = p.Published, p.DeliveredPerS, p.Ratio
		numbers[at+"pubs"], numbers[at+"subs"], numbers[at+"size"] = float64(p.Pubs), float64(p.Subs), float64(p.Size)
	}
	floors := map[string]floor.Result{"floor": r.Floor}
	for i, p := range r.Points {
		floors[fmt.Sprintf("points[%d].floor", i)] = p.Floor
	}
	for name, f := range floors {
		numbers[name+".line_ns"], numbers[name+".spsc_ns"], numbers[name+".spsc_event_ns"] = f.LineNS, f.SPSCNS, f.SPSCEventNS
		numbers[name+".copy_ns"], numbers[name+".futex_wake_ns"], numbers[name+".atomic_ns"] = f.CopyNS, f.FutexWakeNS, f.AtomicNS
	}
	for name, l := range latencies {
		if l != nil {
			numbers[name+".p50"], numbers[name+".p90"], numbers[name+".p99"], numbers[name+".p999"], numbers[name+".max"] = l.P50, l.P90, l.P99, l.P999, l.Max
		}
	}
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		v := numbers[name]
		// Up to where sums and squares of it stay numbers.
		if !(v >= 0 && v <= math.MaxFloat32) {
			return fmt.Errorf("has %q %v, which nobody can have measured", name, v)
		}
	}
	return nil
}

// CPUPerEventNS is the processor time of all processes for each published event.
func (r *Run) CPUPerEventNS() float64 {
	if r.Published == 0 {
		return 0
	}
	return r.CPUSeconds * 1e9 / r.Published
}

// Tail is the latency, or the lateness where that is what was measured; nil for
// neither.
func (r *Run) Tail() *Percentiles {
	if r.Latency == nil {
		return r.Late
	}
	return r.Latency
}

// IsLatency tells whether runs of the workload are compared by their latency
// rather than by their rate.
func (r *Run) IsLatency() bool {
	switch r.Workload {
	case "pingpong", "wake", "flood":
		return r.Latency != nil
	}
	return r.Latency != nil && r.PublishedPerS == 0
}

// Figure is the number that runs of a workload are compared by: p50 in
// nanoseconds, or events per second.
func (r *Run) Figure() float64 {
	if r.IsLatency() {
		return r.Latency.P50
	}
	return r.PublishedPerS
}
