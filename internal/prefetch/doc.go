// Package prefetch asks for a cache line before it is needed, from a tiny
// assembly stub: the compiler offers no such thing outside of the runtime.
package prefetch
