package bus

import (
	"fmt"
	"time"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/shm"
)

// attach takes a seat among the participants. Its lock byte is ours until the
// region is released, or until we die.
func (b *Bus) attach() error {
	for range recoveryTries {
		if ok, err := b.takeSeat(); ok || err != nil {
			return err
		}
		if !b.anyLooksDead() {
			break
		}
		time.Sleep(recoveryPause)
	}
	return fmt.Errorf("%w: all %d participants are alive; raise Participants in the Geometry", ErrTooMany, len(b.region.participants))
}

// While somebody else recovers a dead participant its lock byte is taken, and it
// passes for alive. Who needs what it held, and sees that its process has gone,
// tries again for so long.
const (
	recoveryTries = 100
	recoveryPause = 5 * time.Millisecond
)

// looksDead tells whether the participant's process has gone, as far as can be
// seen from here. It proves nothing: lock bytes do.
func (p *participant) looksDead() bool {
	if p.state.Load() != participantActive {
		return false
	}
	alive, known := shm.Process{PID: int(p.pid.Load()), Start: p.start.Load()}.Alive()
	return known && !alive
}

func (b *Bus) anyLooksDead() bool {
	for i := range b.region.participants {
		if b.region.participants[i].looksDead() {
			return true
		}
	}
	return false
}

// recovered waits until a participant that looks dead has been recovered, by us
// or by somebody else. It returns false for one that lives.
func (b *Bus) recovered(i int) bool {
	if i < 0 || i >= len(b.region.participants) {
		return false
	}
	p := &b.region.participants[i]
	incarnation := p.incarnation.Load()
	for range recoveryTries {
		if b.recoverIfDead(i) || p.incarnation.Load() != incarnation {
			return true
		}
		if !p.looksDead() {
			return p.state.Load() != participantActive
		}
		time.Sleep(recoveryPause)
	}
	return false
}

// takeSeat takes the first seat whose lock byte is free.
func (b *Bus) takeSeat() (bool, error) {
	for i := range b.region.participants {
		free, err := b.mem.TryLock(i)
		if err != nil {
			return false, fmt.Errorf("take a participant's lock byte: %w", err)
		}
		if !free {
			continue
		}
		failpoint.Hit(stepAttach)
		b.self = i
		b.recoverLocked(i)
		p := &b.region.participants[i]
		self := shm.Self()
		p.incarnation.Add(1)
		p.pid.Store(uint64(self.PID))
		p.start.Store(self.Start)
		p.since.Store(uint64(time.Now().UnixNano()))
		p.name.put(b.opts.Process)
		p.state.Store(participantActive)
		failpoint.Hit(stepAttached)
		return true, nil
	}
	return false, nil
}

// recoverDead cleans up after every participant that has died.
func (b *Bus) recoverDead() {
	for i := range b.region.participants {
		if b.region.participants[i].state.Load() == participantActive {
			b.recoverIfDead(i)
		}
	}
}

// recoverIfDead cleans up after participant i if its lock byte can be taken,
// which proves that it is dead and that nobody else cleans up.
func (b *Bus) recoverIfDead(i int) bool {
	if i == b.self || i < 0 || i >= len(b.region.participants) {
		return false
	}
	b.lockMu.Lock()
	defer b.lockMu.Unlock()
	dead, err := b.mem.TryLock(i)
	if err != nil || !dead {
		return false
	}
	defer func() { _ = b.mem.Unlock(i) }() // also if the memory goes away here
	b.recoverLocked(i)
	return true
}

// recoverLocked gives back what participant i held. The caller has its lock
// byte. Each step may be repeated: if we are killed here, the kernel drops the
// byte, and the next one starts over. The state comes last, since it is what
// makes others look.
func (b *Bus) recoverLocked(i int) {
	if b.region.participants[i].state.Load() == participantFree {
		return
	}
	failpoint.Hit(stepRecoverBegin)
	for _, l := range b.region.lanes {
		for port := range l.Geometry().Ports {
			if l.PortOwner(port) == uint64(i+1) {
				failpoint.Hit(stepRecoverPort)
				l.RecoverPort(port)
			}
		}
	}
	b.region.types.recover(i)
	for s := range b.region.subscribers {
		if subState(b.region.subscribers[s].state.Load()).owner() == i {
			failpoint.Hit(stepRecoverSub)
			b.region.recoverSubscriber(s)
		}
	}
	failpoint.Hit(stepRecoverDone)
	b.region.participants[i].state.Store(participantFree)
}

// janitor recovers dead participants now and then, so that what they held comes
// back also when nobody needs it at once.
func (b *Bus) janitor() {
	defer close(b.janitorDone)
	tick := time.NewTicker(b.opts.RecoverEvery)
	defer tick.Stop()
	for {
		select {
		case <-b.closing:
			return
		case <-tick.C:
		}
		_ = b.guarded(func() error {
			b.recoverDead()
			return nil
		})
		b.tendGroups()
	}
}
