package events_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// UserEvent is an event of one's own, beside the catalogue.
type UserEvent struct {
	User   uint32
	Level  uint8
	_      [3]uint8
	Action codec.String32
}

// EventType names the type and its priority.
func (UserEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "user_event", Priority: bus.Normal}
}

// What takes the place of the quick start of infra-common.
func Example_fromInfraCommon() {
	b, err := bus.OpenLocal(nil) // bus.Open(name, nil) for many processes
	check(err)
	defer b.Close()
	sub, err := bus.Subscribe[UserEvent](b, nil)
	check(err)
	pub, err := bus.NewPublisher[UserEvent](b, nil)
	check(err)

	e := UserEvent{User: 42, Level: 8}
	check(e.Action.Set("login"))
	check(pub.Publish(context.Background(), &e))

	m, err := sub.ReceiveTimeout(time.Second)
	check(err)
	fmt.Println(m.Value.User, m.Value.Action.String())
	// Output: 42 login
}
