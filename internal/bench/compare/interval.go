package compare

import (
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// exact is up to how many runs of a side the exact distribution of U is used.
// Beyond it is normal for all purposes, and dear.
const exact = 25

// ratioBounds is the interval of the ratio of b to a: from all ratios of one of b
// to one of a, so many at both ends are left out as the U test would refuse. It
// is false with too few runs.
func ratioBounds(a, b []float64) (Interval, bool) {
	ratios := make([]float64, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			ratios = append(ratios, y/x)
		}
	}
	slices.Sort(ratios)
	k := refused(len(a), len(b))
	if k < 1 {
		return Interval{}, false
	}
	return Interval{ratios[k-1], ratios[len(ratios)-k]}, true
}

// refused is how many values of U at one end have a probability of together at
// most half of alpha.
func refused(n, m int) int {
	if n > exact || m > exact {
		mean, dev := float64(n*m)/2, math.Sqrt(float64(n*m*(n+m+1))/12)
		return int(mean + dev*stats.InvCDF(stats.StdNormal)(alpha/2))
	}
	d := stats.UDist{N1: n, N2: m}
	k := 0
	for k <= n*m/2 && d.CDF(float64(k)) <= alpha/2 {
		k++
	}
	return k
}

// leastP is the least p that the U test can give for so many runs: all of one
// side above all of the other.
func leastP(n, m int) float64 {
	ways := 1.0
	for i := 1; i <= min(n, m); i++ {
		ways *= float64(n+m-min(n, m)+i) / float64(i)
	}
	return 2 / ways
}

// leastRuns is how many runs on both sides can show a difference.
func leastRuns() int {
	n := 1
	for leastP(n, n) > alpha {
		n++
	}
	return n
}

// leastForMedian is how many runs bound their median.
func leastForMedian() int {
	n := 2
	for 2*math.Pow(0.5, float64(n)) > alpha {
		n++
	}
	return n
}
