package conduct

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// Result is what one run measured, in the form of shmbench's results, and whose
// it is. Published, Delivered and the rates are of the time after warming up,
// but those of a lossy peer of the whole run; Lost, Missed, Disordered and
// Corrupt are of the whole run in any case.
type Result struct {
	Peer      string `json:"peer"`
	Language  string `json:"language"`
	Version   string `json:"version"`
	InProcess bool   `json:"in_process"`

	Workload string  `json:"workload"`
	Config   Config  `json:"config"`
	Seconds  float64 `json:"seconds"`

	Published  uint64 `json:"published"`
	Delivered  uint64 `json:"delivered"`
	Lost       uint64 `json:"lost"`
	Missed     uint64 `json:"missed"`
	Disordered uint64 `json:"disordered"`
	Corrupt    uint64 `json:"corrupt"`

	PublishedPerS float64 `json:"published_per_s"`
	DeliveredPerS float64 `json:"delivered_per_s"`

	Latency    *proto.Percentiles `json:"latency_ns,omitempty"`
	CPUSeconds float64            `json:"cpu_seconds"`
	Machine    Machine            `json:"machine"`
}

// Config is the part of the configuration that a result keeps.
type Config struct {
	Pubs     int    `json:"pubs"`
	Subs     int    `json:"subs"`
	Size     int    `json:"size"`
	Batch    int    `json:"batch"`
	Capacity int    `json:"capacity"`
	Local    bool   `json:"local"`
	Policy   string `json:"policy"`
}

// Machine is where a run took place.
type Machine struct {
	CPUs   int    `json:"cpus"`
	Model  string `json:"model"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// sum makes one result of all reports. It fails if the peer broke its word.
func sum(p Peer, c proto.Config, reports []proto.Report) (*Result, error) {
	r := &Result{
		Peer: p.Name, Language: p.Language, Version: p.Version, InProcess: p.InProcess, Workload: c.Workload,
		Config:  Config{Pubs: 1, Subs: c.Subs, Size: c.Size, Batch: c.Batch, Capacity: c.Capacity, Local: p.InProcess, Policy: "reliable"},
		Machine: ThisMachine(),
	}
	if p.Lossy {
		r.Config.Policy = "lossy"
	}
	var published, received, due uint64
	var begin, end int64
	for _, x := range reports {
		received += x.Received
		r.Missed += x.Missed
		r.Disordered += x.Disordered
		r.Corrupt += x.Corrupt
		r.CPUSeconds += x.CPUSeconds
		switch x.Role {
		case proto.RolePub:
			published, begin = x.Published-x.Warm, x.BeginNS
			due = x.Published * uint64(c.Subs)
			if p.Lossy {
				published, begin = x.Published, x.StartNS
			}
		case proto.RolePing:
			// Each round is an event there and one back.
			published, begin, end = 2*(x.Published-x.Warm), x.BeginNS, x.EndNS
			due = 2 * x.Published
			r.Latency = x.Latency
		case proto.RoleSub:
			end = max(end, x.EndNS)
		}
	}
	if begin == 0 || end <= begin {
		return nil, fmt.Errorf("%s %s: nothing was measured between %d and %d ns", p.Name, c.Workload, begin, end)
	}
	r.Seconds = float64(end-begin) / 1e9
	r.Published = published
	if r.Lost = max(due, received) - received; c.Workload == proto.Pingpong {
		r.Delivered = published
	} else {
		r.Delivered = published * uint64(c.Subs)
	}
	r.Delivered -= min(r.Lost, r.Delivered)
	r.PublishedPerS = float64(r.Published) / r.Seconds
	r.DeliveredPerS = float64(r.Delivered) / r.Seconds
	if received > due || r.Disordered != 0 || r.Corrupt != 0 || r.Lost != 0 && !p.Lossy {
		return r, fmt.Errorf("%s %s: %d of %d events lost, %d out of order, %d with wrong bytes, %d received",
			p.Name, c.Workload, r.Lost, due, r.Disordered, r.Corrupt, received)
	}
	return r, nil
}

func ThisMachine() Machine {
	m := Machine{CPUs: runtime.NumCPU(), Kernel: runtime.GOOS, Go: runtime.Version()}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel += " " + strings.TrimSpace(string(b))
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				m.Model = strings.TrimSpace(v)
				break
			}
		}
	}
	return m
}
