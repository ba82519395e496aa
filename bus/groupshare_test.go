package bus

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The shares of all members add up to all leases, differ by one at most, and the
// larger ones are due to those that have more already.
func TestShares(t *testing.T) {
	for _, tt := range []struct {
		leases int
		have   []int
		want   []int
	}{
		{16, []int{0}, []int{16}},
		{16, []int{16, 0}, []int{8, 8}},
		{16, []int{8, 8, 0}, []int{6, 5, 5}},
		{16, []int{5, 8, 0}, []int{5, 6, 5}},
		{16, []int{6, 5, 5}, []int{6, 5, 5}},
		{16, []int{5, 5, 6}, []int{5, 5, 6}},
		{2, []int{0, 1, 1, 0}, []int{0, 1, 1, 0}},
		{2, []int{0, 0, 1}, []int{1, 0, 1}},
		{0, []int{0, 0}, []int{0, 0}},
	} {
		var members []memberCount
		for i, n := range tt.have {
			members = append(members, memberCount{record: 7 + i, leases: n})
		}
		var got []int
		for i := range tt.have {
			got = append(got, share(tt.leases, members, 7+i))
		}
		assert.Equal(t, tt.want, got, "%d leases, members have %v", tt.leases, tt.have)
	}
	assert.Zero(t, share(3, []memberCount{{record: 1}}, 2), "not a member")
}

// Whatever they have, members that let go and claim as their shares say come to an
// end, whoever looks when.
func TestSharesConverge(t *testing.T) {
	for range 2000 {
		leases, members := rand.IntN(20), make([]memberCount, 1+rand.IntN(6))
		free := leases
		for i := range members {
			members[i] = memberCount{record: i, leases: rand.IntN(free + 1)}
			free -= members[i].leases
		}
		moves := 0
		for quiet := 0; quiet < 4*len(members); {
			m := &members[rand.IntN(len(members))]
			target := share(leases, members, m.record)
			was := m.leases
			switch {
			case m.leases > target:
				free += m.leases - target
				m.leases = target
			case m.leases < target && free > 0:
				n := min(free, target-m.leases)
				m.leases, free = m.leases+n, free-n
			}
			if quiet++; m.leases != was {
				quiet = 0
			}
			moves++
			require.Less(t, moves, 5000, "%d leases, %v", leases, members)
		}
		for range 100 * len(members) { // one that was not drawn
			m := &members[rand.IntN(len(members))]
			n := share(leases, members, m.record)
			if free >= n-m.leases {
				free -= n - m.leases
				m.leases = n
			}
		}
		require.Zero(t, free)
		for _, m := range members {
			require.Contains(t, []int{leases / len(members), (leases + len(members) - 1) / len(members)}, m.leases)
		}
	}
}
