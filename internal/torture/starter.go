package torture

import (
	"os"
	"runtime"
)

// starter starts all processes from one thread, which lives as long as it does:
// the kernel ends a process with the thread that has started it.
type starter struct{ calls chan func() }

func newStarter() *starter {
	s := &starter{make(chan func())}
	go func() {
		runtime.LockOSThread()
		for f := range s.calls {
			f()
		}
	}()
	return s
}

// start is os.StartProcess.
func (s *starter) start(name string, args []string, attr *os.ProcAttr) (p *os.Process, err error) {
	done := make(chan struct{})
	s.calls <- func() {
		p, err = os.StartProcess(name, args, attr)
		close(done)
	}
	<-done
	return p, err
}

// stop ends the thread; nothing that it has started may be left.
func (s *starter) stop() { close(s.calls) }
