package bus

// patience is for what is worth while at some occasions, and costs time at others: who
// has done it in vain passes over the next occasion, then over the next three, seven
// and so on.
type patience struct {
	pass   int // occasions to pass over
	passes int // how many they were at first
}

const mostPasses = 1 << 12

// due tells whether to do it, on an occasion.
func (p *patience) due() bool {
	if p.pass > 0 {
		p.pass--
		return false
	}
	return true
}

// learn takes note of whether it was worth while.
func (p *patience) learn(worth bool) {
	if worth {
		p.passes = 0
	} else {
		p.passes = min(2*p.passes+1, mostPasses)
	}
	p.pass = p.passes
}
