// Package quality measures a stream of G.711 audio: loss and interarrival jitter
// from the RTP headers, as RFC 3550 defines them, and the level from the samples.
//
// # Words
//
//   - dBm0 is the level relative to 0 dBm at the zero transmission level point. In
//     G.711 a full-scale sine is +3.17 dBm0 (μ-law) or +3.14 dBm0 (A-law).
//   - The extended sequence number is the 16-bit one of RTP with the count of its
//     wrap-arounds above it.
//   - Lost is what the extended sequence numbers say was sent, less what arrived. It
//     is negative when packets came twice.
package quality
