package codec

import (
	"net/netip"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

type bad struct {
	Fine uint8
	Deep struct{ Text [2][3]struct{ Note string } }
}

// refused are types that cannot be views, with parts of the message that must name the field and the way out.
var refused = []struct {
	name  string
	of    func() (*Layout, error)
	parts []string
}{
	{"bool", Of[struct{ Held bool }], []string{".Held of type bool", "use codec.Bool"}},
	{"int", Of[struct{ N int }], []string{".N of type int", "use int64 or int32"}},
	{"uint", Of[struct{ N uint }], []string{".N of type uint", "use uint64 or uint32"}},
	{"uintptr", Of[struct{ P uintptr }], []string{".P of type uintptr", "use uint64"}},
	{"named int", Of[struct{ M time.Month }], []string{".M of type time.Month", "use int64 or int32"}},
	{"string", Of[struct{ Caller string }], []string{".Caller of type string", "codec.String16 to codec.String256", "tail"}},
	{"bytes", Of[struct{ Body []byte }], []string{".Body of type []uint8", "codec.Bytes16 to codec.Bytes256", "tail"}},
	{"slice", Of[struct{ Legs []uint32 }], []string{".Legs of type []uint32", "an array and a count"}},
	{"pointer", Of[struct{ Next *leg }], []string{".Next of type *codec.leg", "another process"}},
	{"unsafe pointer", Of[struct{ V reflect.Value }], []string{".V.typ_ of type *abi.Type", "another process"}},
	{"map", Of[struct{ M map[int32]int32 }], []string{".M of type map[int32]int32", "holds a pointer"}},
	{"chan", Of[struct{ C chan int32 }], []string{".C of type chan int32", "holds a pointer"}},
	{"func", Of[struct{ F func() }], []string{".F of type func()", "holds a pointer"}},
	{"interface", Of[struct{ E error }], []string{".E of type error", "holds a pointer"}},
	{"complex64", Of[struct{ Z complex64 }], []string{".Z of type complex64", "use [2]float32"}},
	{"complex128", Of[struct{ Z complex128 }], []string{".Z of type complex128", "use [2]float64"}},
	{"time", Of[struct{ At time.Time }], []string{".At of type time.Time", "UnixNano"}},
	{"address", Of[struct{ From netip.AddrPort }], []string{".From of type netip.AddrPort", "As16"}},
	{"mutex", Of[struct{ Mu sync.Mutex }], []string{".Mu of type sync.Mutex", "one process only"}},
	{"atomic", Of[struct{ N [2]atomic.Uint64 }], []string{".N[] of type atomic.Uint64", "plain sized integer"}},
	{"array of bool", Of[struct{ Flags [8]bool }], []string{".Flags[] of type bool", "use codec.Bool"}},
	{"blank", Of[struct{ _ *leg }], []string{"._ of type *codec.leg"}},
	{"blank array of none", Of[struct{ _ [0]func() }], []string{"._[] of type func()"}},
	{"deep", Of[bad], []string{"codec.bad.Deep.Text[][].Note of type string"}},
	{"whole pointer", Of[*leg], []string{"*codec.leg is a pointer: use codec.leg itself"}},
	{"whole number", Of[uint64], []string{"uint64 is not a struct with named fields: put it into one"}},
	{"whole array", Of[[4]leg], []string{"[4]codec.leg is not a struct"}},
	{"whole text", Of[String32], []string{"codec.String32 is not a struct with named fields"}},
	{"whole interface", Of[any], []string{"is not a struct"}},
}
