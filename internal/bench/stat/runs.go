package stat

import "slices"

// Median is the middle value, or the lower of the two in the middle, so that
// it is always one of the values.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return values[MedianIndex(values)]
}

// MedianIndex is the index of the median value; values must not be empty.
func MedianIndex(values []float64) int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return 0
	})
	return order[(len(order)-1)/2]
}

// Spread is how far the values lie apart, as a part of their median.
func Spread(values []float64) float64 {
	m := Median(values)
	if m == 0 {
		return 0
	}
	return (slices.Max(values) - slices.Min(values)) / m
}
