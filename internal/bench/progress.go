package bench

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/rvoip/shmbus/internal/bench/fleet"
)

const progressEvery = 250 * time.Millisecond

// progress is one line on a terminal that is written over. The nil progress
// shows nothing.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	width int
}

// shown tells whether anybody sees it.
func (p *progress) shown() bool { return p != nil && p.w != nil }

func (p *progress) say(line string) {
	if !p.shown() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, "\r%-*s", p.width, line)
	p.width = len(line)
}

// clear leaves the line empty.
func (p *progress) clear() {
	if !p.shown() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, "\r%*s\r", p.width, "")
	p.width = 0
}

// follow shows what members count until stop is called.
func (p *progress) follow(what string, pubs, subs []*fleet.Member) (stop func()) {
	if !p.shown() {
		return func() {}
	}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	start := time.Now()
	wg.Go(func() {
		t := time.NewTicker(progressEvery)
		defer t.Stop()
		for {
			select {
			case <-quit:
				return
			case <-t.C:
				p.say(fmt.Sprintf("%s  %4.1fs  published %s  delivered %s", what, time.Since(start).Seconds(),
					humanize.SIWithDigits(total(pubs), 1, ""), humanize.SIWithDigits(total(subs), 1, "")))
			}
		}
	})
	return func() { close(quit); wg.Wait() }
}

func total(ms []*fleet.Member) (n float64) {
	for _, m := range ms {
		n += float64(m.Count())
	}
	return n
}
