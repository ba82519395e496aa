package bus

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"

	"github.com/rvoip/shmbus/codec"
)

// operand is a value that a filter compares: an integer, as sign and magnitude so
// that those of all widths compare with each other, a float, a bool or a text.
type operand struct {
	class    operandClass
	negative bool
	size     uint64 // of an integer; of a bool 0 or 1
	float    float64
	text     []byte // in place
}

type operandClass uint8

const (
	classInteger operandClass = iota
	classFloat
	classBool
	classText
)

func (c operandClass) String() string {
	return [...]string{"whole number", "floating-point number", "bool", "string"}[c]
}

// comparable tells whether two classes have an order between them.
func (c operandClass) comparable(d operandClass) bool {
	return c == d || c <= classFloat && d <= classFloat
}

// unordered is how a NaN compares with anything.
const unordered = 2

// compare returns -1, 0 or +1, or unordered.
func (x *operand) compare(y *operand) int {
	switch {
	case x.class == classText:
		return bytes.Compare(x.text, y.text)
	case x.class == classFloat || y.class == classFloat:
		a, b := x.asFloat(), y.asFloat()
		if a != a || b != b {
			return unordered
		}
		return cmp.Compare(a, b)
	case x.negative != y.negative:
		if x.negative {
			return -1
		}
		return 1
	case x.negative:
		return cmp.Compare(y.size, x.size)
	}
	return cmp.Compare(x.size, y.size)
}

func (x *operand) asFloat() float64 {
	switch {
	case x.class == classFloat:
		return x.float
	case x.negative:
		return -float64(x.size)
	}
	return float64(x.size)
}

func signed(v int64) operand {
	if v < 0 {
		return operand{negative: true, size: -uint64(v)}
	}
	return operand{size: uint64(v)}
}

func unsigned(v uint64) operand { return operand{size: v} }

func floating(v float64) operand { return operand{class: classFloat, float: v} }

func truth(v bool) operand {
	if v {
		return operand{class: classBool, size: 1}
	}
	return operand{class: classBool}
}

// operandOf takes a caller's value. One that no field can hold is a mistake in
// the program.
func operandOf(v any) operand {
	if b, ok := v.(codec.Bool); ok {
		return truth(b.Get())
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return signed(r.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return unsigned(r.Uint())
	case reflect.Float32, reflect.Float64:
		return floating(r.Float())
	case reflect.Bool:
		return truth(r.Bool())
	case reflect.String:
		return operand{class: classText, text: []byte(r.String())}
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			return operand{class: classText, text: bytes.Clone(r.Bytes())}
		}
	case reflect.Struct:
		// A fixed-capacity string or bytes of package codec.
		if t, ok := addressed(r).(interface{ Bytes() []byte }); ok {
			return operand{class: classText, text: bytes.Clone(t.Bytes())}
		}
	}
	panic(fmt.Sprintf("bus: a filter compares numbers, bools, strings and bytes, not a %T", v))
}

// addressed returns a pointer to a copy of r.
func addressed(r reflect.Value) any {
	p := reflect.New(r.Type())
	p.Elem().Set(r)
	return p.Interface()
}

func operandsOf(values []any) []operand {
	all := make([]operand, len(values))
	for i, v := range values {
		all[i] = operandOf(v)
	}
	return all
}

// loader returns what reads a field from the bytes that begin with it, of which
// there are as many as the field has; nil for one that has no order.
func loader(f *codec.Field) (func([]byte) operand, operandClass) {
	le := binary.LittleEndian
	if f.Count > 0 {
		return nil, 0
	}
	switch f.Kind {
	case codec.KindBool:
		return func(b []byte) operand { return truth(b[0] != 0) }, classBool
	case codec.KindInt8:
		return func(b []byte) operand { return signed(int64(int8(b[0]))) }, classInteger
	case codec.KindInt16:
		return func(b []byte) operand { return signed(int64(int16(le.Uint16(b)))) }, classInteger
	case codec.KindInt32:
		return func(b []byte) operand { return signed(int64(int32(le.Uint32(b)))) }, classInteger
	case codec.KindInt64:
		return func(b []byte) operand { return signed(int64(le.Uint64(b))) }, classInteger
	case codec.KindUint8:
		return func(b []byte) operand { return unsigned(uint64(b[0])) }, classInteger
	case codec.KindUint16:
		return func(b []byte) operand { return unsigned(uint64(le.Uint16(b))) }, classInteger
	case codec.KindUint32:
		return func(b []byte) operand { return unsigned(uint64(le.Uint32(b))) }, classInteger
	case codec.KindUint64:
		return func(b []byte) operand { return unsigned(le.Uint64(b)) }, classInteger
	case codec.KindFloat32:
		return func(b []byte) operand { return floating(float64(math.Float32frombits(le.Uint32(b)))) }, classFloat
	case codec.KindFloat64:
		return func(b []byte) operand { return floating(math.Float64frombits(le.Uint64(b))) }, classFloat
	case codec.KindString, codec.KindBytes:
		room := int(f.Cap)
		return func(b []byte) operand {
			// The length is read once, and cut to the capacity if it lies.
			n := min(int(le.Uint16(b)), room)
			return operand{class: classText, text: b[2 : 2+n]}
		}, classText
	}
	return nil, 0
}
