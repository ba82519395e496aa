//go:build !zeromq || !cgo

package peer

import (
	"errors"
	"os"

	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

const zeroMQMissing = "built without it; it needs -tags zeromq, cgo, pkg-config and libzmq (Debian: libzmq3-dev)"

func libzmqVersion() string { return "?" }

func openZeroMQ(proto.Config, []*os.File) (Ends, error) { return nil, errors.New(zeroMQMissing) }
