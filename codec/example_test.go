package codec_test

import (
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/codec"
)

// CallState is an event. Its fields are its schema.
type CallState struct {
	CallID codec.String64
	State  uint8
	Held   codec.Bool
	Codecs [4]uint8
	Legs   [2]Leg
}

type Leg struct {
	Peer codec.String32
	Port uint16
}

// A struct is checked once, then the bytes of a slot are the value.
func Example() {
	layout, err := codec.Of[CallState]()
	if err != nil {
		fmt.Println(err)
		return
	}
	slot := make([]byte, layout.Size) // in a program, the slot that was lent

	call, err := codec.View[CallState](slot)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := call.CallID.Set("a84b4c76e66710"); err != nil {
		fmt.Println(err)
		return
	}
	call.State = 3
	call.Legs[0].Port = 5060

	received := codec.Cast[CallState](slot) // the reader's side, checked already
	fmt.Println(received.CallID, received.State, received.Legs[0].Port)
	// Output: a84b4c76e66710 3 5060
}

// The error says which field and what to use.
func ExampleOf_refused() {
	_, err := codec.Of[struct {
		Seq  uint32
		From struct{ User string }
	}]()
	fmt.Println(errors.Is(err, codec.ErrType))

	type Event struct{ Held bool }
	_, err = codec.Of[Event]()
	fmt.Println(err)
	// Output:
	// true
	// codec: type cannot be a view: codec_test.Event.Held of type bool may hold a byte that is neither true nor false when it comes from another process: use codec.Bool
}

// A viewer prints events of types it was never compiled with.
func ExampleLayout_Format() {
	var call CallState
	call.CallID.SetTruncate("a84b4c76e66710")
	call.Codecs = [4]uint8{0, 8}
	layout, _ := codec.Of[CallState]()
	schema := layout.AppendSchema(nil) // kept beside the events

	parsed, err := codec.ParseSchema(schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(parsed.Format(codec.AsBytes(&call)))
	// Output: {CallID:"a84b4c76e66710" State:0 Held:false Codecs:0x00080000 Legs:[{Peer:"" Port:0} {Peer:"" Port:0}]}
}

func ExampleLayout_Walk() {
	leg := Leg{Port: 5060}
	leg.Peer.SetTruncate("bob")
	layout, _ := codec.Of[Leg]()
	for path, value := range layout.Walk(codec.AsBytes(&leg)) {
		fmt.Printf("%s is %v\n", path, value)
	}
	// Output:
	// Peer is bob
	// Port is 5060
}

// Two programs that were built with different versions of a type.
func ExampleLayout_Diff() {
	type Old struct {
		Peer codec.String32
		Port uint16
	}
	type New struct {
		Peer codec.String64
		Port uint16
		TLS  codec.Bool
	}
	here, _ := codec.Of[New]()
	there, _ := codec.Of[Old]()
	for _, d := range here.Diff(there) {
		fmt.Println(d)
	}
	// Output:
	// size: 68 here, 34 there
	// field Peer: string64 at 0 here, string32 at 0 there
	// field Port: uint16 at 64 here, uint16 at 32 there
	// field TLS: bool at 66 only here
}

func ExampleString16_Set() {
	var id codec.String16
	err := id.Set("longer than fourteen bytes")
	if long, ok := errors.AsType[*codec.TooLongError](err); ok {
		fmt.Printf("%d bytes, room for %d\n", long.Len, long.Cap)
	}
	fmt.Println(id.SetTruncate("longer than fourteen bytes"), id)
	// Output:
	// 26 bytes, room for 14
	// false longer than fo
}

// All events of a call carry the same key, and so keep their order.
func ExampleHash() {
	fmt.Printf("%016x\n", codec.Hash("a84b4c76e66710@pc33.atlanta.example"))
	// Output: 58d1ad6c6a5f27ee
}
