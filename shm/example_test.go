//go:build linux

package shm_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/rvoip/shmbus/shm"
)

func Example() {
	dir, err := os.MkdirTemp("", "shm-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	r, created, err := shm.OpenOrCreate("calls", &shm.Options{
		Dir:  dir,
		Size: 1 << 20,
		Meta: []byte("one word"),
		Init: func(mem []byte) error { mem[shm.HeaderSize] = 42; return nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created, len(r.Bytes()), r.Bytes()[shm.HeaderSize], string(r.Meta()))

	// Byte 0 of the lock file says that whoever calls itself number 0 is alive.
	ok, err := r.TryLock(0)
	fmt.Println(ok, err)

	err = shm.Remove("calls", &shm.Options{Dir: dir})
	fmt.Println(errors.Is(err, shm.ErrInUse))
	fmt.Println(r.Release(), shm.Remove("calls", &shm.Options{Dir: dir}))
	// Output:
	// true 1048576 42 one word
	// true <nil>
	// true
	// <nil> <nil>
}

// Memory that a peer truncates faults when it is read. Protect makes that an error.
func ExampleRegion_Caught() {
	dir, err := os.MkdirTemp("", "shm-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	r, err := shm.Create("calls", &shm.Options{Dir: dir, Size: 1 << 20})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Release()

	last := func() (b byte, err error) {
		defer r.Caught(r.Protect(), &err)
		mem := r.Bytes()
		return mem[len(mem)-1], nil
	}
	fmt.Println(last())
	_ = os.Truncate(r.Path(), shm.HeaderSize)
	_, err = last()
	fmt.Println(errors.Is(err, shm.ErrFault))
	// Output:
	// 0 <nil>
	// true
}
