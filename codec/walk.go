package codec

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math"
	"strconv"
)

// Walk returns the values in b, an event of the layout's type, with their paths: "From.Port",
// "Legs[1].ID". It needs no Go type, only the layout.
//
// A value is a bool, int64, uint64, float32, float64, string or []byte, each a copy; an array of
// uint8 is one []byte. It is nil where b is too short. Any content of b is safe.
func (l *Layout) Walk(b []byte) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) { walk(l.Fields, b, "", yield) }
}

func walk(fields []Field, b []byte, prefix string, yield func(string, any) bool) bool {
	for i := range fields {
		f := &fields[i]
		path := prefix + f.Name
		if f.single() {
			if !yield(path, f.value(b, 0)) {
				return false
			}
			continue
		}
		for n := range f.Count {
			elem := path + "[" + strconv.FormatUint(uint64(n), 10) + "]"
			if f.Kind != KindStruct {
				if !yield(elem, f.value(b, n)) {
					return false
				}
				continue
			}
			if !f.ofArrays() {
				elem += "."
			}
			if !walk(f.Fields, f.elem(b, n), elem, yield) {
				return false
			}
		}
	}
	return true
}

// single reports whether the field is shown as one value.
func (f *Field) single() bool { return f.Count == 0 || f.Kind == KindUint8 }

// elem returns the bytes of element n, fewer or none if b is short.
func (f *Field) elem(b []byte, n uint32) []byte {
	size := uint64(f.ElemSize())
	from := uint64(f.Offset) + uint64(n)*size
	if from >= uint64(len(b)) {
		return nil
	}
	b = b[from:]
	return b[:min(size, uint64(len(b)))]
}

// value returns element n as described at [Layout.Walk].
func (f *Field) value(b []byte, n uint32) any {
	if f.Kind == KindUint8 && f.Count > 0 {
		if end := uint64(f.Offset) + uint64(f.Size); end <= uint64(len(b)) {
			return bytes.Clone(b[f.Offset:end])
		}
		return nil
	}
	b = f.elem(b, n)
	if len(b) < int(f.ElemSize()) {
		return nil
	}
	switch f.Kind {
	case KindBool:
		return b[0] != 0
	case KindInt8:
		return int64(int8(b[0]))
	case KindInt16:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case KindInt32:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	case KindInt64:
		return int64(binary.LittleEndian.Uint64(b))
	case KindUint8:
		return uint64(b[0])
	case KindUint16:
		return uint64(binary.LittleEndian.Uint16(b))
	case KindUint32:
		return uint64(binary.LittleEndian.Uint32(b))
	case KindUint64:
		return binary.LittleEndian.Uint64(b)
	case KindFloat32:
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	case KindFloat64:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	case KindString:
		return string(content(b))
	case KindBytes:
		return bytes.Clone(content(b))
	}
	return nil
}

// content returns what a fixed-capacity value holds, with a length that lies cut to the capacity.
func content(b []byte) []byte {
	n := int(binary.LittleEndian.Uint16(b))
	b = b[lengthSize:]
	return b[:min(n, len(b))]
}
