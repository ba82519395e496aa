package bus

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/rvoip/shmbus/codec"
)

// FieldRef names a field of a value; its methods are conditions on it. See Field.
type FieldRef struct{ name string }

// Field names a field of the values of a type, with the names of the structs that
// it lies in: "State", "From.Port". Of several types that a subscription takes,
// those without that field do not meet its conditions. Subscribe fails with
// ErrOptions when none of its types has it, when it is an array (MatchValue can
// look into those), or when it cannot be compared with what it is to be compared
// with.
//
// Numbers of all kinds, codec.Bool with bool, strings and bytes in the order of
// their bytes can be compared. Named types count as what they are made of.
func Field(name string) FieldRef { return FieldRef{name} }

// Is takes events whose field equals v. Like all conditions on a field it panics
// for a value that no field can have, such as a pointer.
func (f FieldRef) Is(v any) Filter { return f.order("is", v, func(c int) bool { return c == 0 }) }

// IsNot takes events that have the field, with another value than v.
func (f FieldRef) IsNot(v any) Filter {
	return f.order("is not", v, func(c int) bool { return c != 0 })
}

// Less takes events whose field is less than v.
func (f FieldRef) Less(v any) Filter { return f.order("<", v, func(c int) bool { return c < 0 }) }

// AtMost takes events whose field is v or less.
func (f FieldRef) AtMost(v any) Filter { return f.order("<=", v, func(c int) bool { return c <= 0 }) }

// More takes events whose field is more than v.
func (f FieldRef) More(v any) Filter {
	return f.order(">", v, func(c int) bool { return c > 0 && c != unordered })
}

// AtLeast takes events whose field is v or more.
func (f FieldRef) AtLeast(v any) Filter {
	return f.order(">=", v, func(c int) bool { return c >= 0 && c != unordered })
}

// Between takes events whose field is low, high, or something between them.
func (f FieldRef) Between(low, high any) Filter { return f.AtLeast(low).And(f.AtMost(high)) }

// In takes events whose field equals one of the values.
func (f FieldRef) In(values ...any) Filter {
	want := operandsOf(values)
	return f.filter(fmt.Sprintf("in %v", values), want, func(x operand) bool {
		for i := range want {
			if x.compare(&want[i]) == 0 {
				return true
			}
		}
		return false
	})
}

// HasPrefix takes events whose field, a string or bytes, begins with prefix.
func (f FieldRef) HasPrefix(prefix string) Filter {
	want := []byte(prefix)
	return f.filter(fmt.Sprintf("has prefix %q", prefix), operandsOf([]any{prefix}),
		func(x operand) bool { return bytes.HasPrefix(x.text, want) })
}

// Contains takes events whose field, a string or bytes, has part in it.
func (f FieldRef) Contains(part string) Filter {
	want := []byte(part)
	return f.filter(fmt.Sprintf("contains %q", part), operandsOf([]any{part}),
		func(x operand) bool { return bytes.Contains(x.text, want) })
}

func (f FieldRef) order(word string, v any, ok func(int) bool) Filter {
	want := operandOf(v)
	return f.filter(fmt.Sprintf("%s %v", word, v), []operand{want}, func(x operand) bool { return ok(x.compare(&want)) })
}

// filter is a condition on the field, which it is to be comparable with.
func (f FieldRef) filter(text string, with []operand, ok func(operand) bool) Filter {
	return Filter{&filterNode{
		text: f.name + " " + text, rank: rankField,
		compile: func(sc *filterScope) (filterTest, error) { return newFieldTest(sc, f.name, with, ok) },
	}}
}

// fieldTest is a condition on a field, for each type that has been looked up.
type fieldTest struct {
	bus  *Bus
	name string
	with []operand
	ok   func(operand) bool
	// places by type, nil where not looked up yet.
	places []*fieldPlace
}

// fieldPlace is where a type has the field.
type fieldPlace struct {
	size   int // of the type's values; -1 if it does not have the field
	offset int
	load   func([]byte) operand
}

// newFieldTest looks the field up in the subscription's types. What comes of
// types that are not registered yet is looked up with their first event.
func newFieldTest(sc *filterScope, name string, with []operand, ok func(operand) bool) (filterTest, error) {
	t := &fieldTest{bus: sc.bus, name: name, with: with, ok: ok, places: make([]*fieldPlace, sc.bus.region.geo.Types+1)}
	var lacking []string
	for _, id := range sc.types {
		info, err := sc.bus.region.types.at(int(id) - 1)
		if err != nil {
			return nil, err
		}
		if info == nil {
			continue
		}
		p, err := t.find(info)
		if err != nil {
			return nil, fmt.Errorf("%w: filter on type %s: %w", ErrOptions, info.name, err)
		}
		if t.places[id] = p; p.size < 0 {
			lacking = append(lacking, fmt.Sprintf("%s has %s", info.name, info.layout.FieldList()))
		}
	}
	if len(sc.types) > 0 && len(lacking) == len(sc.types) {
		return nil, fmt.Errorf("%w: filter on a field %q that is not there: %s", ErrOptions, name, strings.Join(lacking, "; "))
	}
	if len(sc.types) == 1 {
		return t.places[sc.types[0]].test(ok), nil
	}
	return t.test, nil
}

// find looks for the field in a type.
func (t *fieldTest) find(info *typeInfo) (*fieldPlace, error) {
	i := slices.IndexFunc(info.layout.Fields, func(f codec.Field) bool { return f.Name == t.name })
	if i < 0 {
		return &fieldPlace{size: -1}, nil
	}
	f := &info.layout.Fields[i]
	load, class := loader(f)
	if load == nil {
		return nil, fmt.Errorf("field %s is a %s and has no order; use MatchValue", t.name, f.Type())
	}
	for i := range t.with {
		if !t.with[i].class.comparable(class) {
			return nil, fmt.Errorf("field %s is a %s and cannot be compared with a %s", t.name, f.Type(), t.with[i].class)
		}
	}
	return &fieldPlace{size: info.layout.Size, offset: int(f.Offset), load: load}, nil
}

// test is the condition for events of any type.
func (t *fieldTest) test(e *Event) bool {
	id := int(e.raw.typ())
	if id == 0 || id >= len(t.places) {
		return false // no type at all
	}
	p := t.places[id]
	if p == nil {
		p = t.lookUp(id)
	}
	return p.meets(e, t.ok)
}

// lookUp looks at a type that the filter was not compiled for. One that cannot be
// compared does not meet the condition; one that cannot be read is asked for
// again.
func (t *fieldTest) lookUp(id int) *fieldPlace {
	info, err := t.bus.region.types.at(id - 1)
	if err != nil || info == nil {
		return &fieldPlace{size: -1}
	}
	p, err := t.find(info)
	if err != nil {
		p = &fieldPlace{size: -1}
	}
	t.places[id] = p
	return p
}

// test is the condition for events of one type.
func (p *fieldPlace) test(ok func(operand) bool) filterTest {
	return func(e *Event) bool { return p.meets(e, ok) }
}

// meets looks at the field. A value that does not have the size of its type has
// no fields.
func (p *fieldPlace) meets(e *Event, ok func(operand) bool) bool {
	if int(e.raw.value()) != p.size {
		return false
	}
	return ok(p.load(e.Value()[p.offset:]))
}
