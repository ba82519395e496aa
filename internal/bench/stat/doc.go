// Package stat keeps latencies and sums up runs.
package stat
