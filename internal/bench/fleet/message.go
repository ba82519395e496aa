package fleet

import "encoding/json"

// Spec says what one role of an agent is to do.
type Spec struct {
	// Kind names a function of the map that [Serve] was given.
	Kind string `json:"kind"`
	// Config is what that function gets, as JSON.
	Config json.RawMessage `json:"config,omitempty"`
}

// NewSpec makes a Spec of a kind and a configuration that marshals to JSON.
func NewSpec(kind string, config any) (Spec, error) {
	b, err := json.Marshal(config)
	if err != nil {
		return Spec{}, err
	}
	return Spec{Kind: kind, Config: b}, nil
}

// signal is what a conductor tells its agents while they run.
type signal string

const (
	signalGo    signal = "go"
	signalDrain signal = "drain"
)

// order is a line an agent reads: the first carries roles, later ones a signal.
type order struct {
	Signal signal `json:"signal,omitempty"`
	Roles  []Spec `json:"roles,omitempty"`
	// At goes with Go: when it was given, a time of shm.Now.
	At int64 `json:"at,omitempty"`
	// Total goes with Drain.
	Total uint64 `json:"total,omitempty"`
	// Counts asks for progress; without it nothing is sent while roles run.
	Counts bool `json:"counts,omitempty"`
}

type noteKind string

const (
	noteReady  noteKind = "ready"
	noteCount  noteKind = "count"
	noteDone   noteKind = "done"
	noteFailed noteKind = "failed"
	noteUsage  noteKind = "usage"
)

// note is a line an agent writes.
type note struct {
	Kind   noteKind        `json:"kind"`
	Role   int             `json:"role"`
	Count  uint64          `json:"count,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
	Usage  *Usage          `json:"usage,omitempty"`
}

// Usage is what one agent's process spent between the first [Station.Begin]
// and the last [Station.End] of its roles.
type Usage struct {
	CPUSeconds float64 `json:"cpu_seconds"`
	Mallocs    uint64  `json:"mallocs"`
	Events     uint64  `json:"events"`
}
