// Package compare runs the bus and its peers in turn, several times over, takes
// medians, and writes them as JSON, as a table and as a chart.
package compare
