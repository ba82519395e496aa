package codec

import (
	"fmt"
	"unicode"
)

// check says whether a layout, from a Go type or from a schema, is one that all else in this package
// may rely on: in bounds, aligned, in order, without overlap. It also counts the padding.
func (l *Layout) check() error {
	switch {
	case l.Size < 0 || l.Size > MaxSize:
		return fmt.Errorf("size %d, the limit is %d", l.Size, MaxSize)
	case l.Align != 1 && l.Align != 2 && l.Align != 4 && l.Align != 8:
		return fmt.Errorf("alignment %d, want 1, 2, 4 or 8", l.Align)
	case naturalAlign(l.Fields) > l.Align:
		return fmt.Errorf("alignment %d, its fields need %d", l.Align, naturalAlign(l.Fields))
	}
	if n := countFields(l.Fields); n > MaxFields {
		return fmt.Errorf("%d fields, the limit is %d", n, MaxFields)
	}
	used, err := checkFields(l.Fields, uint32(l.Size), 0)
	if err != nil {
		return err
	}
	if l.Size%l.Align != 0 {
		return fmt.Errorf("size %d is no multiple of the alignment %d: add a field at the end that fills it up",
			l.Size, l.Align)
	}
	l.Padding = l.Size - int(used)
	return nil
}

func countFields(fields []Field) int {
	n := len(fields)
	for i := range fields {
		n += countFields(fields[i].Fields)
	}
	return n
}

// checkFields checks fields that lie in size bytes and returns how many of those they use.
func checkFields(fields []Field, size uint32, depth int) (used uint32, err error) {
	if depth > MaxDepth {
		return 0, fmt.Errorf("arrays of structs or arrays lie more than %d deep", MaxDepth)
	}
	names := make(map[string]struct{}, len(fields))
	end := uint64(0)
	for i := range fields {
		f := &fields[i]
		// The inner array of an array of arrays has no name. It must be all there is.
		inner := depth > 0 && len(fields) == 1 && f.Count > 0 && f.Size == size
		if err := f.checkName(inner); err != nil {
			return 0, err
		}
		if _, ok := names[f.Name]; ok {
			return 0, fmt.Errorf("two fields %s", f.Name)
		}
		names[f.Name] = struct{}{}
		n, err := f.check(depth)
		if err != nil {
			return 0, fmt.Errorf("field %s: %w", f.Name, err)
		}
		if uint64(f.Offset) < end {
			return 0, fmt.Errorf("field %s at %d begins before %d, where its predecessor ends", f.Name, f.Offset, end)
		}
		if end = uint64(f.Offset) + uint64(f.Size); end > uint64(size) {
			return 0, fmt.Errorf("field %s at %d with %d bytes ends beyond %d", f.Name, f.Offset, f.Size, size)
		}
		used += n
	}
	return used, nil
}

// check checks all of a field that does not depend on its neighbours, and returns how many bytes it uses.
func (f *Field) check(depth int) (used uint32, err error) {
	if !f.Kind.valid() {
		return 0, fmt.Errorf("unknown %v, perhaps of a newer version", f.Kind)
	}
	elem := f.ElemSize()
	if f.Size == 0 || f.Size > MaxSize || elem*max(f.Count, 1) != f.Size {
		return 0, fmt.Errorf("%d bytes in %d elements", f.Size, max(f.Count, 1))
	}
	used = f.Size
	align := kinds[f.Kind].align
	switch f.Kind {
	case KindStruct:
		if f.Count == 0 || len(f.Fields) == 0 {
			return 0, fmt.Errorf("an array of structs without elements or fields")
		}
		inner, err := checkFields(f.Fields, elem, depth+1)
		if err != nil {
			return 0, err
		}
		used = inner * f.Count
		align = uint32(naturalAlign(f.Fields))
	case KindString, KindBytes:
		if elem < 2*lengthSize || elem%lengthSize != 0 || elem > 1<<16 || f.Cap != elem-lengthSize {
			return 0, fmt.Errorf("%v of %d bytes with capacity %d", f.Kind, elem, f.Cap)
		}
	default:
		if elem != kinds[f.Kind].size {
			return 0, fmt.Errorf("%v of %d bytes", f.Kind, elem)
		}
	}
	if f.Offset%align != 0 || elem%align != 0 {
		return 0, fmt.Errorf("%s at %d is not aligned to %d: move it, or put fields before it that fill the gap",
			f.Type(), f.Offset, align)
	}
	return used, nil
}

// checkName accepts Go identifiers joined by dots, and nothing that could upset a terminal.
func (f *Field) checkName(mayBeEmpty bool) error {
	if f.Name == "" && mayBeEmpty {
		return nil
	}
	if len(f.Name) > MaxName {
		return fmt.Errorf("field name %.32q… has %d bytes, the limit is %d", f.Name, len(f.Name), MaxName)
	}
	first := true // of an identifier
	for _, r := range f.Name {
		switch {
		case r == '_' || unicode.IsLetter(r) || !first && unicode.IsDigit(r):
			first = false
		case r == '.' && !first:
			first = true
		default:
			return fmt.Errorf("field name %q is not a Go identifier", f.Name)
		}
	}
	if first {
		return fmt.Errorf("field name %q is not a Go identifier", f.Name)
	}
	return nil
}
