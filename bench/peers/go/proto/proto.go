package proto

import "time"

// Roles of processes.
const (
	RoleAll    = "all"    // everybody, in one process
	RoleBroker = "broker" // what stands between publishers and subscribers
	RolePub    = "pub"
	RoleSub    = "sub"
	RolePing   = "ping"
	RolePong   = "pong"
)

// Workloads.
const (
	Seed     = "seed"
	Fanout   = "fanout"
	Pingpong = "pingpong"
)

// Peer describes one thing that is compared.
type Peer struct {
	Name     string `json:"name"`
	Language string `json:"language"`
	Version  string `json:"version"`
	// InProcess peers run all roles in one process.
	InProcess bool `json:"in_process"`
	// Broker says that a process of its own stands between the others.
	Broker bool `json:"broker,omitempty"`
	// Lossy peers may lose events; others that do have failed.
	Lossy bool `json:"lossy,omitempty"`
	// Workloads that it can do.
	Workloads []string `json:"workloads"`
	// Batch says what it does with a batch.
	Batch string `json:"batch"`
	// Missing says why the peer is not there; then it cannot run.
	Missing string `json:"missing,omitempty"`
}

// Config is what a role is to do.
type Config struct {
	Peer       string        `json:"peer"`
	Role       string        `json:"role"`
	Index      int           `json:"index"` // of a subscriber
	Workload   string        `json:"workload"`
	Size       int           `json:"size"`
	Batch      int           `json:"batch"`
	Subs       int           `json:"subs"`
	Capacity   int           `json:"capacity"`
	DurationNS time.Duration `json:"duration_ns"`
	// WarmNS is for how long a publisher publishes before what it does counts:
	// until pages are touched and just-in-time compilers are done.
	WarmNS time.Duration `json:"warm_ns"`
	// Dir is an empty directory of the run, gone after it.
	Dir string `json:"dir"`
	// Files is how many files the process inherits, from descriptor 3 on.
	Files int `json:"files,omitempty"`
	// Broker is the info that the broker gave.
	Broker string `json:"broker,omitempty"`
}

// IsSeed tells whether events are those of seed.
func (c Config) IsSeed() bool { return c.Workload == Seed }

// Answer is a line from a role.
type Answer struct {
	Ready   bool     `json:"ready,omitempty"`
	Info    string   `json:"info,omitempty"`
	Reports []Report `json:"reports,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// Report is what one role did. Times are of the monotonic clock that all
// processes share.
type Report struct {
	Role string `json:"role"`
	// Published counts all events; those before BeginNS are Warm.
	Published uint64 `json:"published,omitempty"`
	Warm      uint64 `json:"warm,omitempty"`
	Received  uint64 `json:"received,omitempty"`
	// Missed is what the peer itself told of as lost.
	Missed     uint64 `json:"missed,omitempty"`
	Gaps       uint64 `json:"gaps,omitempty"`
	Disordered uint64 `json:"disordered,omitempty"`
	Corrupt    uint64 `json:"corrupt,omitempty"`

	// StartNS is when a publisher of a lossy peer began, warming up included: of
	// what got lost nobody knows in which part it was published.
	StartNS    int64        `json:"start_ns,omitempty"`
	BeginNS    int64        `json:"begin_ns"`
	EndNS      int64        `json:"end_ns"`
	CPUSeconds float64      `json:"cpu_seconds,omitempty"`
	Latency    *Percentiles `json:"latency_ns,omitempty"`
}

// Percentiles of one-way times, in nanoseconds.
type Percentiles struct {
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p999"`
	Max  int64 `json:"max"`
}
