package codec

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// Bounds of a layout, for types and for parsed schemas alike.
const (
	// MaxSize is the largest size of a type in bytes.
	MaxSize = 1 << 20
	// MaxFields is the largest number of fields, those of elements of arrays included.
	MaxFields = 1024
	// MaxName is the longest name of a field in bytes, with the names of the structs it lies in.
	MaxName = 255
	// MaxDepth is how deep arrays of structs or arrays may lie in each other.
	MaxDepth = 8
	// MaxAlign is the largest alignment of a type, and the one that slots must have.
	MaxAlign = 8
)

// Layout describes the bytes of a type. It is shared, so nobody may change it; that makes it safe for
// concurrent use.
type Layout struct {
	// Name is the Go type's name, for messages. It is not part of the schema, since programs may
	// name a type differently.
	Name string
	// Size is the number of bytes, with trailing padding.
	Size int
	// Align is what the address must be a multiple of: 1, 2, 4 or 8.
	Align int
	// Padding is how many of the Size bytes belong to no named field.
	Padding int
	// Fields in the order of their offsets. Structs are flattened, with dotted names.
	Fields []Field
	// Fingerprint is the [Hash] of the schema: equal for equal layouts, and different
	// for any two that were not made to collide. Compare schemas where that matters.
	Fingerprint uint64
}

// Field describes one field of a [Layout].
type Field struct {
	// Name is the field's name with those of the structs it lies in: "From.Port". It is empty for
	// the inner array of an array of arrays, which is the only field of the outer one's elements.
	Name string
	Kind Kind
	// Offset in bytes from the start of the layout or, in an array of structs, of the element.
	Offset uint32
	// Size in bytes, of all elements if it is an array.
	Size uint32
	// Count is the length of an array, 0 if it is none.
	Count uint32
	// Cap is the capacity in bytes of each string or bytes, 0 for other kinds.
	Cap uint32
	// Fields of each element if Kind is [KindStruct]. Only arrays have that kind, since structs
	// outside of arrays are flattened.
	Fields []Field
}

// ElemSize returns the size in bytes of one element of an array, or of the field if it is none.
func (f *Field) ElemSize() uint32 { return f.Size / max(f.Count, 1) }

// Type returns what the field holds in words: "uint8", "string32", "[4][2]uint16", "[4]struct24".
// The number after string, bytes and struct is the size of one in bytes.
func (f *Field) Type() string {
	s := f.Kind.String()
	switch {
	case f.ofArrays():
		s = f.Fields[0].Type()
	case f.Kind.sized():
		s = fmt.Sprintf("%s%d", s, f.ElemSize())
	}
	if f.Count > 0 {
		s = fmt.Sprintf("[%d]%s", f.Count, s)
	}
	return s
}

// ofArrays reports whether the field is an array of arrays.
func (f *Field) ofArrays() bool {
	return f.Kind == KindStruct && len(f.Fields) == 1 && f.Fields[0].Name == ""
}

// members returns the fields of the structs in an array of them, or in an array of such arrays, and the
// brackets that lead to them: "[]", "[][]". It returns nil if there are no structs.
func (f *Field) members() (fields []Field, brackets string) {
	for ; f.Kind == KindStruct; f = &f.Fields[0] {
		brackets += "[]"
		if !f.ofArrays() {
			return f.Fields, brackets
		}
	}
	return nil, ""
}

// String returns the layout for human readers: "CallID string64@0 State uint8@64, size 72, align 8".
func (l *Layout) String() string {
	fields := l.FieldList()
	if fields != "" {
		fields += ", "
	}
	return fields + fmt.Sprintf("size %d, align %d", l.Size, l.Align)
}

// FieldList returns the fields for human readers: "CallID string64@0 State uint8@64".
func (l *Layout) FieldList() string {
	var s strings.Builder
	writeFields(&s, l.Fields)
	return s.String()
}

func writeFields(s *strings.Builder, fields []Field) {
	for i := range fields {
		f := &fields[i]
		if i > 0 {
			s.WriteByte(' ')
		}
		fmt.Fprintf(s, "%s %s@%d", f.Name, f.Type(), f.Offset)
		if fields, _ := f.members(); fields != nil {
			s.WriteByte('{')
			writeFields(s, fields)
			s.WriteByte('}')
		}
	}
}

// seal completes a layout whose Size, Align and Fields are set: it checks them and fills in the rest.
func (l *Layout) seal() error {
	if err := l.check(); err != nil {
		return err
	}
	schema := l.AppendSchema(nil)
	if len(schema) > MaxSchema {
		return fmt.Errorf("its schema has %d bytes, the limit is %d: use shorter field names", len(schema), MaxSchema)
	}
	l.Fingerprint = HashBytes(schema)
	return nil
}

// known caches what Of found for each type, a *found under its reflect.Type.
var known sync.Map

type found struct {
	layout *Layout
	err    error
}

// Of returns the layout of T, a struct. The type is checked at the first call; later calls look it up
// and do not allocate.
//
// Errors: [ErrType] names the field that cannot be in a view and says what to use instead;
// [ErrByteOrder] on a big-endian machine.
func Of[T any]() (*Layout, error) {
	t := reflect.TypeFor[T]()
	if f, ok := known.Load(t); ok {
		return f.(*found).layout, f.(*found).err
	}
	l, err := inspect(t)
	f, _ := known.LoadOrStore(t, &found{l, err})
	return f.(*found).layout, f.(*found).err
}
