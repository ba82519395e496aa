package codec

import (
	"fmt"
	"reflect"
)

// inspect makes the layout of a Go type.
func inspect(t reflect.Type) (*Layout, error) {
	if !littleEndian() {
		return nil, ErrByteOrder
	}
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		return nil, fmt.Errorf("%w: %s is a pointer: use %s itself", ErrType, t, t.Elem())
	}
	if t.Kind() != reflect.Struct || kindOf(t) != KindInvalid {
		return nil, fmt.Errorf("%w: %s is not a struct with named fields: put it into one", ErrType, t)
	}
	// Checked first, since it bounds all that follows.
	if t.Size() > MaxSize {
		return nil, fmt.Errorf("%w: %s has %d bytes, the limit is %d: use the event's tail",
			ErrType, t, t.Size(), MaxSize)
	}
	fields, err := structFields(nil, t, "", t.String()+".", 0)
	if err != nil {
		return nil, err
	}
	l := &Layout{
		Name:   t.String(),
		Size:   int(t.Size()),
		Align:  max(t.Align(), naturalAlign(fields)),
		Fields: fields,
	}
	if err := l.seal(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrType, t, err)
	}
	return l, nil
}

// structFields appends the fields of struct t, which lies at offset base. Their names get the prefix;
// path is where t is in the inspected type, for messages.
func structFields(dst []Field, t reflect.Type, prefix, path string, base uint32) ([]Field, error) {
	for sf := range t.Fields() {
		f := Field{Name: prefix + sf.Name, Offset: base + uint32(sf.Offset), Size: uint32(sf.Type.Size())}
		if sf.Name == "_" {
			// It is padding, but may not smuggle in pointers.
			if _, err := appendField(nil, f, sf.Type, path+"_"); err != nil {
				return nil, err
			}
			continue
		}
		var err error
		if dst, err = appendField(dst, f, sf.Type, path+sf.Name); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// appendField appends f, of which all but the name, offset and size is still open: one field for a
// value or an array, any number for a struct, none for what has no bytes or no named fields.
func appendField(dst []Field, f Field, t reflect.Type, path string) ([]Field, error) {
	if why := refusal(t); why != "" {
		return nil, fmt.Errorf("%w: %s of type %s %s", ErrType, path, t, why)
	}
	if f.Kind = kindOf(t); f.Kind != KindInvalid {
		f.setCap(f.Size)
		return append(dst, f), nil
	}
	if t.Kind() == reflect.Struct {
		return structFields(dst, t, f.Name+".", path+".", f.Offset)
	}
	// What is left is an array.
	elem := t.Elem()
	f.Count = uint32(t.Len())
	if f.Kind = kindOf(elem); f.Kind != KindInvalid && f.Count > 0 {
		f.setCap(uint32(elem.Size()))
		return append(dst, f), nil
	}
	var err error
	if f.Kind = KindStruct; elem.Kind() == reflect.Struct && refusal(elem) == "" {
		f.Fields, err = structFields(nil, elem, "", path+"[].", 0)
	} else {
		f.Fields, err = appendField(nil, Field{Size: uint32(elem.Size())}, elem, path+"[]")
	}
	if err != nil || len(f.Fields) == 0 || f.Count == 0 {
		return dst, err
	}
	return append(dst, f), nil
}

// setCap sets the capacity of a string or bytes whose elements have the given size.
func (f *Field) setCap(elem uint32) {
	if f.Kind == KindString || f.Kind == KindBytes {
		f.Cap = elem - lengthSize
	}
}

// naturalAlign returns the alignment that fields need on the strictest platform. It does not depend on
// the one we run on: 32-bit x86, say, aligns 64-bit numbers to 4.
func naturalAlign(fields []Field) int {
	align := 1
	for i := range fields {
		f := &fields[i]
		align = max(align, int(kinds[f.Kind].align), naturalAlign(f.Fields))
	}
	return align
}
