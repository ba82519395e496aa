package peer

import "github.com/rvoip/shmbus/bench/peers/go/proto"

// zeroMQ is libzmq through pebbe/zmq4, over a Unix socket: an XPUB that waits
// instead of dropping what a subscriber has no room for (ZMQ_XPUB_NODROP).
var zeroMQ = &Go{
	Peer: proto.Peer{
		Name: "zeromq", Language: "Go, C", Version: moduleVersion("github.com/pebbe/zmq4") + " on libzmq " + libzmqVersion(),
		Workloads: streams, Batch: "packed into one message; the library itself collects messages between writes",
		Missing: zeroMQMissing,
	},
	open: openZeroMQ,
}
