// Package program is what the processes of the switch have in common: flags, signals,
// the bus, and how they talk to whoever started them.
//
// A process writes JSON lines to standard output and logs to standard error. The first
// line says that it is ready, and with what addresses; the last one is its report. This is
// for the operator (or the demo, which plays one): the processes themselves
// know each other by the bus alone.
package program
