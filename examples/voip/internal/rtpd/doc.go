// Package rtpd is the receiving process of the switch: for each call on the bus it
// opens a UDP port, and puts every RTP packet that arrives there on the bus.
//
// # A port per call
//
// Which port a call gets is for rtpd to say, since only the process that binds a
// socket knows that it could. So the two ask and answer by the bus: MediaStart
// is the request, a MediaEvent the reply, and MediaStop gives the port back. The
// port tells the call: no packet needs to be matched by its SSRC, which is any
// number its sender likes, and may be the same in many calls.
//
// # In place
//
// A packet is read by the kernel straight into a slot of the ring, on loan from the
// bus; its header is parsed there, and publishing it copies nothing. Only when
// several packets wait in one socket (this process had not been scheduled for a
// while, say) the ones behind the first are read aside and published as one batch.
// Nothing ever waits for a batch to fill.
package rtpd
