// Package proto is what the conductor of a run and the programs of the peers
// say to each other, in whatever language these are written.
//
// A program called with "describe" prints a JSON array of [Peer] and ends.
// Called with "role" it is one process of a run, over lines:
//
//	conductor                         program
//	Config, as JSON         ->
//	                        <-        {"ready":true,"info":"..."}   has joined; info is a broker's address
//	go                      ->
//	                        <-        {"reports":[...]}             is done
//	end of file             ->        ends; a broker works until then
//
// An error is {"error":"..."} in place of either answer. A role whose standard
// input ends early has lost its conductor, and ends.
package proto
