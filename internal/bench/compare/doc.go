// Package compare sets two sets of runs side by side and says which differences
// are more than the machine's moods.
//
// Runs are paired by workload and configuration. Nothing is assumed about how
// figures are spread: a figure of a side is the median of its runs, with the
// interval that holds the true median with 95 % confidence; whether two sides
// differ is asked of the Mann-Whitney U test, as benchstat does; and the interval
// of the change is the one of all shifts that this test would not refuse
// (Hodges and Lehmann), taken over ratios. With very few runs no difference, however
// wide, says anything: the least are 4 on each side, and 6 for an interval of a
// median.
package compare
