package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// Request and reply between processes, which a bus of one process shows as well.
// The server's function gets the request in place; the caller gets a copy of the
// reply, or what became of the call.
func ExampleServe() {
	type CreateSession struct{ Dialog uint32 }
	type SessionCreated struct {
		Dialog  uint32
		Session codec.String64
	}

	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close() // closes the server and the client, too
	client, err := bus.NewClient[CreateSession, SessionCreated](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background() // the call is bounded by ClientOptions.Timeout
	_, err = client.Call(ctx, &CreateSession{Dialog: 1})
	fmt.Println("nobody serves:", errors.Is(err, bus.ErrNoSubscriber))

	_, err = bus.Serve(b, nil, func(ctx context.Context, req *CreateSession, e *bus.Event) (rep SessionCreated, err error) {
		if req.Dialog == 0 {
			return rep, errors.New("no such dialog")
		}
		rep.Dialog = req.Dialog
		return rep, rep.Session.Set(fmt.Sprintf("session-%d", req.Dialog))
	})
	if err != nil {
		log.Fatal(err)
	}
	rep, err := client.Call(ctx, &CreateSession{Dialog: 7})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rep.Dialog, rep.Session.String())

	_, err = client.Call(ctx, &CreateSession{})
	if remote, ok := errors.AsType[*bus.RemoteError](err); ok {
		fmt.Println("the server says:", remote.Text)
	}
	// Output:
	// nobody serves: true
	// 7 session-7
	// the server says: no such dialog
}

// Requests of one key are served in order, and requests and replies may carry a
// tail.
func ExampleClient_CallWith() {
	type Offer struct{ Media uint32 }
	type Answer struct{ Media uint32 }

	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	_, err = bus.ServeReply(b, nil, func(ctx context.Context, o *Offer, e *bus.Event, r *bus.Reply[Answer]) error {
		r.Value.Media = o.Media
		r.Tail = append(r.Tail, strings.ReplaceAll(string(e.Tail()), "offer", "answer")...)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	client, err := bus.NewClient[Offer, Answer](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	reply, err := client.CallWith(context.Background(), &Offer{Media: 1}, bus.With{
		Key:  codec.Hash("a84b4c76e66710@example.com"),
		Tail: []byte("s=offer"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Value.Media, string(reply.Tail))
	// Output: 1 s=answer
}
