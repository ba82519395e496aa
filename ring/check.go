package ring

import "fmt"

// Check looks for what must hold while no producer is between its exchange and
// the booking of it: every slot is named by exactly one entry or cell, the
// entries hold the last Capacity positions without a gap, and the tail is not
// past them. Ports of dead owners must have been recovered. The error wraps
// ErrCorrupt and names the first contradiction.
func (l *Lane) Check() error {
	owner := make([]string, l.slots)
	claim := func(slot uint32, by string) error {
		if int(slot) >= l.slots {
			return fmt.Errorf("%w: %s names slot %d of %d", ErrCorrupt, by, slot, l.slots)
		}
		if owner[slot] != "" {
			return fmt.Errorf("%w: slot %d is named by %s and by %s", ErrCorrupt, slot, owner[slot], by)
		}
		owner[slot] = by
		return nil
	}
	n := uint64(l.geo.Capacity)
	t := l.tail.Load()
	// Ends within a lap: no entry holds two positions.
	for entry(l.entries[t&l.mask].Load()).ahead(t>>l.shift) == 0 {
		t++
	}
	for pos := t - n; pos != t; pos++ {
		e := entry(l.entries[pos&l.mask].Load())
		if d := e.ahead(pos >> l.shift); d != 0 {
			return fmt.Errorf("%w: entry of position %d is %d laps ahead", ErrCorrupt, pos, d)
		}
		if err := claim(e.slot(), fmt.Sprintf("the entry of position %d", pos)); err != nil {
			return err
		}
	}
	for i := range l.ports {
		for j := range l.ports[i].cells {
			c := cell(l.ports[i].cells[j].Load())
			if err := claim(c.slot(), fmt.Sprintf("cell %d of port %d", j, i)); err != nil {
				return err
			}
		}
	}
	for slot, by := range owner {
		if by == "" {
			return fmt.Errorf("%w: nobody names slot %d", ErrCorrupt, slot)
		}
	}
	return nil
}
