package conformance_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rvoip/shmbus/internal/leak"
)

// behaviour is one thing that users may rely on.
type behaviour struct {
	name string
	// setup changes the options of the behaviour's buses.
	setup func(o *setup)
	// mortal behaviours are about processes that die or freeze. They are not
	// shown on Local: there is nobody to survive the only process.
	mortal bool
	show   func(w *world)
}

// topic is a part of the list.
type topic struct {
	name       string
	behaviours []behaviour
}

// topics is the list.
func topics() []topic {
	return []topic{
		{"Publishing and receiving", delivery()},
		{"Priorities", priorities()},
		{"Reliable and lossy lanes", policies()},
		{"Keys and shards", shards()},
		{"Types", types()},
		{"Filters", filters()},
		{"Where a subscription begins", starts()},
		{"Durable subscriptions", durables()},
		{"Deliveries", deliveries()},
		{"Groups", groups()},
		{"Handlers", handlers()},
		{"Request and reply", calls()},
		{"Static rings", statics()},
		{"Drain and Close", endings()},
		{"Viewing", viewing()},
		{"Death and frost", mortality()},
	}
}

// stage is where behaviours are shown.
type stage struct {
	name string
	open func(t *testing.T, o setup) *world // nil if this system has none
}

func stages() []stage { return []stage{{"local", openLocal}, {"shared", openShared}} }

func TestConformance(t *testing.T) {
	leak.Check(t)
	for _, topic := range topics() {
		t.Run(topic.name, func(t *testing.T) {
			for _, b := range topic.behaviours {
				t.Run(b.name, func(t *testing.T) {
					for _, s := range stages() {
						if s.open == nil || b.mortal && s.name == "local" {
							results.set(b.name+"/"+s.name, "-")
							continue
						}
						t.Run(s.name, func(t *testing.T) { b.run(t, s) })
					}
				})
			}
		})
	}
}

func (b *behaviour) run(t *testing.T, s stage) {
	defer func() {
		outcome := "ok"
		if t.Failed() {
			outcome = "FAILED"
		}
		results.set(b.name+"/"+s.name, outcome)
	}()
	o := setup{Geometry: small(), Heal: 20 * time.Millisecond}
	if b.setup != nil {
		b.setup(&o)
	}
	w := s.open(t, o)
	defer w.close()
	b.show(w)
}

// outcomes is what became of the behaviours that ran.
type outcomes struct {
	mu  sync.Mutex
	all map[string]string
}

var results = outcomes{all: map[string]string{}}

func (r *outcomes) set(key, outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[key] = outcome
}

// print writes the list of behaviours that ran.
func (r *outcomes) print(w io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	width := 0
	for _, topic := range topics() {
		for _, b := range topic.behaviours {
			width = max(width, len("  "+b.name))
		}
	}
	line := func(name string, columns ...string) {
		fmt.Fprintf(w, "%-*s", width, name)
		for _, c := range columns {
			fmt.Fprintf(w, "  %-6s", c)
		}
		fmt.Fprintln(w)
	}
	var names []string
	for _, s := range stages() {
		names = append(names, s.name)
	}
	for _, topic := range topics() {
		head := false
		for _, b := range topic.behaviours {
			var columns []string
			for _, s := range names {
				columns = append(columns, r.all[b.name+"/"+s])
			}
			if strings.Join(columns, "") == "" {
				continue
			}
			if !head {
				fmt.Fprintln(w)
				line(topic.name, names...)
				head = true
			}
			line("  "+b.name, columns...)
		}
	}
	fmt.Fprintln(w)
}

const roleEnv = "CONFORMANCE_ROLE"

// TestMain plays a role, in a process that was started for one, or runs the tests
// and prints the list.
func TestMain(m *testing.M) {
	if os.Getenv(roleEnv) != "" {
		playRole()
		return
	}
	code := leak.Main(m)
	if testing.Verbose() {
		results.print(os.Stdout)
	}
	os.Exit(code)
}
