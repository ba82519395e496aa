package ring

import (
	"github.com/rvoip/shmbus/internal/failpoint"
)

// ClaimPort gives a free port to owner, a number that is not 0 and that names
// whoever holds the port until ReleasePort or RecoverPort. It returns ErrNoPort
// when every port has an owner.
func (l *Lane) ClaimPort(owner uint64) (int, error) {
	if owner == 0 {
		panic("ring: ClaimPort by owner 0")
	}
	for i := range l.ports {
		// Pairs with ReleasePort and RecoverPort: whoever sees 0 sees the
		// port's cells as its last owner, or recovery, left them.
		if o := l.ports[i].owner; o.Load() == 0 && o.CompareAndSwap(0, owner) {
			failpoint.Hit(stepPortClaim)
			return i, nil
		}
	}
	return 0, ErrNoPort
}

// PortOwner returns the owner of port i, 0 if it has none.
func (l *Lane) PortOwner(i int) uint64 { return l.ports[i].owner.Load() }

// ReleasePort gives port i back. The caller owns it, and no publish is under
// way in it.
func (l *Lane) ReleasePort(i int) {
	failpoint.Hit(stepPortRelease)
	l.ports[i].owner.Store(0)
}

// RecoverPort finishes what the dead owner of port i had begun and frees the
// port. The caller has proof that the owner is dead and that nobody else
// recovers it. It may be killed anywhere and started over.
func (l *Lane) RecoverPort(i int) {
	l.settle(i)
	failpoint.Hit(stepRecoverFree)
	l.ports[i].owner.Store(0)
}

// settle books the slot that port i displaced, if its last exchange took place.
func (l *Lane) settle(i int) {
	p := &l.ports[i]
	failpoint.Hit(stepRecoverLook)
	x := intent(p.intent.Load())
	if x.idle() {
		return
	}
	ref := l.tail.Load()
	pos := x.pos(ref)
	if !x.won() {
		failpoint.Hit(stepRecoverEntry)
		e := entry(l.entries[pos&l.mask].Load())
		if e.ahead(pos>>l.shift) != 0 || e.owner() != uint32(i) {
			// The entry is not this port's: the exchange was lost, not
			// reached, or won and displaced since. In the last case whoever
			// displaced it has marked the intent before, hence the second
			// look. Pairs with help.
			failpoint.Hit(stepRecoverReread)
			if x = intent(p.intent.Load()); !x.won() {
				failpoint.Hit(stepRecoverClear)
				p.intent.Store(uint64(intentIdle))
				return
			}
		}
	}
	if x.cell() < l.cells && int(x.slot()) < l.slots {
		failpoint.Hit(stepRecoverCell)
		p.cells[x.cell()].Store(uint64(makeCell(pos-uint64(l.geo.Capacity), x.slot())))
	}
	failpoint.Hit(stepRecoverClear)
	p.intent.Store(uint64(intentIdle))
}
