// Package units shows figures to people.
package units

import "fmt"

// NS shows nanoseconds with three digits that count: 36.6 µs.
func NS(ns float64) string {
	for _, u := range []struct {
		name string
		ns   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if ns >= 0.9995*u.ns {
			return three(ns/u.ns) + " " + u.name
		}
	}
	return three(ns) + " ns"
}

// SI shows a number with three digits that count: 24.4 M.
func SI(v float64) string {
	for _, p := range []struct {
		name string
		by   float64
	}{{" G", 1e9}, {" M", 1e6}, {" k", 1e3}} {
		if v >= 0.9995*p.by {
			return three(v/p.by) + p.name
		}
	}
	return three(v)
}

func three(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
