// Package conduct runs one workload over one peer: it finds the programs, starts
// a process for each role, lets them all begin together, and sums up what they
// report. Nothing outlives a run, neither processes nor files.
package conduct
