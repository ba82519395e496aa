package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// A schema is a layout as bytes. Numbers are unsigned varints as in encoding/binary, in their
// shortest form, so that a layout has exactly one schema.
//
//	version   1 byte, schemaVersion
//	size      varint
//	align     varint
//	fields:
//	  count   varint
//	  each:
//	    kind    1 byte
//	    offset  varint
//	    count   varint, 0 if no array
//	    elem    varint, size of an element; only of string, bytes and struct
//	    name    varint length, bytes
//	    fields  of an element; only of struct
const schemaVersion = 1

// MaxSchema is the longest schema in bytes.
const MaxSchema = 1 << 16

// AppendSchema appends the schema to dst and returns the result. Equal layouts give equal bytes, on
// every platform.
func (l *Layout) AppendSchema(dst []byte) []byte {
	dst = append(dst, schemaVersion)
	dst = binary.AppendUvarint(dst, uint64(l.Size))
	dst = binary.AppendUvarint(dst, uint64(l.Align))
	return appendFields(dst, l.Fields)
}

func appendFields(dst []byte, fields []Field) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(fields)))
	for i := range fields {
		f := &fields[i]
		dst = append(dst, byte(f.Kind))
		dst = binary.AppendUvarint(dst, uint64(f.Offset))
		dst = binary.AppendUvarint(dst, uint64(f.Count))
		if f.Kind.sized() {
			dst = binary.AppendUvarint(dst, uint64(f.ElemSize()))
		}
		dst = binary.AppendUvarint(dst, uint64(len(f.Name)))
		dst = append(dst, f.Name...)
		if f.Kind == KindStruct {
			dst = appendFields(dst, f.Fields)
		}
	}
	return dst
}

// ParseSchema returns the layout that b describes, which must be a whole schema and nothing else. The
// bytes need not be trusted: what is accepted lies within the bounds of this package, and the cost
// is proportional to len(b). b is not kept.
//
// Errors: [ErrSchema], with what is wrong.
func ParseSchema(b []byte) (*Layout, error) {
	l, err := parseSchema(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchema, err)
	}
	return l, nil
}

func parseSchema(b []byte) (*Layout, error) {
	if len(b) > MaxSchema {
		return nil, fmt.Errorf("%d bytes, the limit is %d", len(b), MaxSchema)
	}
	p := parser{b: b}
	if v := p.byte(); p.err == nil && v != schemaVersion {
		return nil, fmt.Errorf("format version %d, this program knows %d: use the same version of shmbus",
			v, schemaVersion)
	}
	l := &Layout{Size: int(p.number(MaxSize)), Align: int(p.number(MaxAlign)), Fields: p.fields(0)}
	if p.err != nil {
		return nil, p.err
	}
	if err := l.seal(); err != nil {
		return nil, err
	}
	// This catches trailing bytes and long forms of numbers, and a b that changes while it is read: what
	// was parsed above was read once, and has been checked.
	if !bytes.Equal(l.AppendSchema(make([]byte, 0, len(b))), b) {
		return nil, errors.New("not in its shortest form, or more bytes follow")
	}
	return l, nil
}

// parser reads a schema. After an error it reads zeros.
type parser struct {
	b     []byte
	count int // fields so far
	err   error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
		p.b = nil
	}
}

func (p *parser) bytes(n int) []byte {
	if len(p.b) < n {
		p.fail("it ends too early")
		return nil
	}
	b := p.b[:n]
	p.b = p.b[n:]
	return b
}

func (p *parser) byte() byte {
	if b := p.bytes(1); p.err == nil {
		return b[0]
	}
	return 0
}

// number reads a varint of at most limit.
func (p *parser) number(limit uint64) uint32 {
	v, n := binary.Uvarint(p.b)
	switch {
	case n == 0:
		p.fail("it ends too early")
		return 0
	case n < 0 || v > limit:
		p.fail("a number is beyond its limit %d", limit)
		return 0
	}
	p.b = p.b[n:]
	return uint32(v)
}

func (p *parser) fields(depth int) []Field {
	n := int(p.number(MaxFields))
	if p.count += n; p.count > MaxFields || depth > MaxDepth {
		p.fail("more than %d fields, or more than %d levels", MaxFields, MaxDepth)
	}
	if p.err != nil || n == 0 {
		return nil
	}
	fields := make([]Field, 0, min(n, len(p.b)/minField))
	for i := 0; i < n && p.err == nil; i++ {
		fields = append(fields, p.field(depth))
	}
	return fields
}

// minField is the size of the shortest field in a schema: kind, offset, count, empty name.
const minField = 4

func (p *parser) field(depth int) Field {
	f := Field{Kind: Kind(p.byte()), Offset: p.number(MaxSize), Count: p.number(MaxSize)}
	if p.err == nil && !f.Kind.valid() {
		p.fail("unknown %v, perhaps of a newer version", f.Kind)
	}
	if p.err != nil {
		return Field{}
	}
	elem := kinds[f.Kind].size
	if f.Kind.sized() {
		elem = p.number(MaxSize)
	}
	f.setCap(max(elem, lengthSize))
	if size := uint64(elem) * uint64(max(f.Count, 1)); size <= MaxSize {
		f.Size = uint32(size)
	} else {
		p.fail("a field has %d bytes, the limit is %d", size, MaxSize)
	}
	f.Name = string(p.bytes(int(p.number(MaxName))))
	if f.Kind == KindStruct {
		f.Fields = p.fields(depth + 1)
	}
	return f
}
