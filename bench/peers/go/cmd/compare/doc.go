// Compare runs the bus and all its peers in turn and writes one table and one
// chart. scripts/bench-peers.sh builds everything and calls it.
package main
