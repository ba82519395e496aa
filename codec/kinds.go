package codec

import (
	"fmt"
	"reflect"
)

// Kind is what a field holds. The numbers are part of the schema format and never change.
type Kind uint8

// The kinds of field.
const (
	KindInvalid Kind = 0
	KindBool    Kind = 1 // one byte, 0 is false, all else is true
	KindInt8    Kind = 2
	KindInt16   Kind = 3
	KindInt32   Kind = 4
	KindInt64   Kind = 5
	KindUint8   Kind = 6
	KindUint16  Kind = 7
	KindUint32  Kind = 8
	KindUint64  Kind = 9
	KindFloat32 Kind = 10
	KindFloat64 Kind = 11
	KindString  Kind = 12 // 16-bit length, then room for text
	KindBytes   Kind = 13 // 16-bit length, then room for bytes
	KindStruct  Kind = 14 // element of an array of structs or of arrays, see [Field.Fields]
)

// kinds holds what is fixed about each kind. Size 0 means that it differs by field.
var kinds = [...]struct {
	name  string
	size  uint32
	align uint32
}{
	KindBool:    {"bool", 1, 1},
	KindInt8:    {"int8", 1, 1},
	KindInt16:   {"int16", 2, 2},
	KindInt32:   {"int32", 4, 4},
	KindInt64:   {"int64", 8, 8},
	KindUint8:   {"uint8", 1, 1},
	KindUint16:  {"uint16", 2, 2},
	KindUint32:  {"uint32", 4, 4},
	KindUint64:  {"uint64", 8, 8},
	KindFloat32: {"float32", 4, 4},
	KindFloat64: {"float64", 8, 8},
	KindString:  {"string", 0, lengthSize},
	KindBytes:   {"bytes", 0, lengthSize},
	KindStruct:  {"struct", 0, 0}, // aligned as its fields are
}

// String returns the kind's name, such as "uint8".
func (k Kind) String() string {
	if !k.valid() {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return kinds[k].name
}

func (k Kind) valid() bool { return k > KindInvalid && int(k) < len(kinds) }

// sized reports whether the size of one element differs from field to field.
func (k Kind) sized() bool { return k.valid() && kinds[k].size == 0 }

// plain maps Go's kinds of fixed width to ours.
var plain = map[reflect.Kind]Kind{
	reflect.Int8:    KindInt8,
	reflect.Int16:   KindInt16,
	reflect.Int32:   KindInt32,
	reflect.Int64:   KindInt64,
	reflect.Uint8:   KindUint8,
	reflect.Uint16:  KindUint16,
	reflect.Uint32:  KindUint32,
	reflect.Uint64:  KindUint64,
	reflect.Float32: KindFloat32,
	reflect.Float64: KindFloat64,
}

// fixedTypes maps the cores of the fixed-capacity types to their kind. The core is looked up, not the
// type around it, so that a type defined from one (type CallID codec.String64) is recognised.
var fixedTypes = map[reflect.Type]Kind{
	reflect.TypeFor[text[[14]byte]]():  KindString,
	reflect.TypeFor[text[[30]byte]]():  KindString,
	reflect.TypeFor[text[[46]byte]]():  KindString,
	reflect.TypeFor[text[[62]byte]]():  KindString,
	reflect.TypeFor[text[[126]byte]](): KindString,
	reflect.TypeFor[text[[254]byte]](): KindString,
	reflect.TypeFor[blob[[14]byte]]():  KindBytes,
	reflect.TypeFor[blob[[30]byte]]():  KindBytes,
	reflect.TypeFor[blob[[62]byte]]():  KindBytes,
	reflect.TypeFor[blob[[126]byte]](): KindBytes,
	reflect.TypeFor[blob[[254]byte]](): KindBytes,
}

// kindOf returns the kind of a type that is one value, or KindInvalid for structs, arrays and
// whatever cannot be a field.
func kindOf(t reflect.Type) Kind {
	switch {
	case t == reflect.TypeFor[Bool]():
		return KindBool
	case t.Kind() == reflect.Struct && t.NumField() == 1:
		return fixedTypes[t.Field(0).Type]
	default:
		return plain[t.Kind()]
	}
}

// refusal says why a type cannot be a field and what to use instead. It is empty if the type can be
// one, or if that depends on what it consists of.
func refusal(t reflect.Type) string {
	switch t.PkgPath() {
	case "sync", "sync/atomic":
		return "works inside one process only: use a plain sized integer"
	case "time":
		if t.Name() == "Time" {
			return "holds a pointer: use int64 and time.Time.UnixNano"
		}
	case "net/netip":
		return "holds a pointer: use [16]uint8 and netip.Addr.As16, and uint16 for a port"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "may hold a byte that is neither true nor false when it comes from another process: use codec.Bool"
	case reflect.Int:
		return "has a size that differs by platform: use int64 or int32"
	case reflect.Uint, reflect.Uintptr:
		return "has a size that differs by platform: use uint64 or uint32"
	case reflect.String:
		return "holds a pointer: use codec.String16 to codec.String256, or the event's tail"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "holds a pointer: use codec.Bytes16 to codec.Bytes256, an array, or the event's tail"
		}
		return "holds a pointer: use an array and a count, or the event's tail"
	case reflect.Pointer, reflect.UnsafePointer:
		return "means nothing in another process: use the value itself, or a number that identifies it"
	case reflect.Map, reflect.Chan, reflect.Func, reflect.Interface:
		return "holds a pointer: use plain values, or the event's tail"
	case reflect.Complex64:
		return "is not a kind of field: use [2]float32"
	case reflect.Complex128:
		return "is not a kind of field: use [2]float64"
	}
	return ""
}
