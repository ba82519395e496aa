package bus

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/internal/word"
)

// TypeID names a type within one region. 0 is no type.
type TypeID uint32

// TypeOptions are what a type says of itself.
type TypeOptions struct {
	// Name is what processes agree on, at most 63 bytes. Default the Go
	// type's name with the last element of its package's path:
	// "events.CallState". Give a name to what several programs declare.
	Name string
	// Priority is the lane of the type's events; all processes must agree on
	// it, too. Default Normal.
	Priority Priority
	// Also are further priorities at which single events may be published, with
	// With.Priority; all processes must agree on them, too. Subscribers of the
	// type read all its lanes unless their Priorities say otherwise. Publishers
	// take a port on each. Default none.
	Also []Priority
}

// EventTyper is implemented by types that name themselves and their priority.
// EventType is called on a zero value.
type EventTyper interface{ EventType() TypeOptions }

// A type record: what a process that was never compiled with a type can know.
//
//	0 owner u64 | 8 layout size u32 | 12 schema length u32 | 16 name [64] | 80 priority u8 | 81 also u8 | 128 schema [1920]
const (
	typeOwner    = 0
	typeValue    = 8
	typeSchemaN  = 12
	typeName     = 16
	typePriority = 80
	typeAlso     = 81
	typeSchema   = 128
	maxTypeName  = 63
	recordShared = ^uint64(0) // owner of a record that the order names
)

// registry holds the types of a region. It only grows. A record is filled in
// private and then published by one compare-and-swap of the first free place of
// the order, so that a process killed or frozen while it registers a type holds
// nobody up; a record that was not published is freed by recovery.
type registry struct {
	order   []atomic.Uint64 // record + 1, 0 at the end
	records [][]byte
}

// typeInfo is a type as the region has it.
type typeInfo struct {
	id       TypeID
	name     string
	priority Priority
	also     prioritySet // without priority
	layout   *codec.Layout
}

// lanes are the priorities that its events may have.
func (t *typeInfo) lanes() prioritySet { return t.also.with(t.priority) }

// diff names what t and other declare differently.
func (t *typeInfo) diff(other *typeInfo) []string {
	d := t.layout.Diff(other.layout)
	if t.priority != other.priority {
		d = append(d, fmt.Sprintf("priority: %s here, %s there", t.priority, other.priority))
	}
	if t.also != other.also {
		d = append(d, fmt.Sprintf("also: %s here, %s there", t.also, other.also))
	}
	return d
}

func (r *registry) owner(rec int) *atomic.Uint64 { return word.U64(r.records[rec], typeOwner) }

// at returns the type at place i of the order, or nil behind the last.
func (r *registry) at(i int) (*typeInfo, error) {
	if i < 0 || i >= len(r.order) {
		return nil, fmt.Errorf("%w: there is no type %d", ErrCorrupt, i+1)
	}
	// Pairs with the CompareAndSwap in register: the record is whole.
	rec := r.order[i].Load()
	if rec == 0 {
		return nil, nil
	}
	if rec > uint64(len(r.records)) {
		return nil, fmt.Errorf("%w: type %d names record %d of %d", ErrCorrupt, i+1, rec, len(r.records))
	}
	b := r.records[rec-1]
	n := binary.LittleEndian.Uint32(b[typeSchemaN:])
	if n > uint32(len(b)-typeSchema) {
		return nil, fmt.Errorf("%w: type %d has a schema of %d bytes", ErrCorrupt, i+1, n)
	}
	layout, err := codec.ParseSchema(bytes.Clone(b[typeSchema : typeSchema+n]))
	if err != nil {
		return nil, fmt.Errorf("%w: schema of type %d: %w", ErrCorrupt, i+1, err)
	}
	priority := Priority(b[typePriority])
	if !priority.valid() {
		return nil, fmt.Errorf("%w: type %d has priority %d", ErrCorrupt, i+1, priority)
	}
	also := prioritySet(b[typeAlso])
	if !also.valid() || also.has(priority) {
		return nil, fmt.Errorf("%w: type %d has priority %d and also %#x", ErrCorrupt, i+1, priority, uint8(also))
	}
	return &typeInfo{id: TypeID(i + 1), name: getText(b[typeName:typePriority]), priority: priority, also: also, layout: layout}, nil
}

// register finds the type of that name, or adds it for participant p.
func (r *registry) register(want typeInfo, p int) (TypeID, error) {
	mine := -1
	defer func() {
		if mine >= 0 {
			r.owner(mine).Store(0) // somebody else's record is used
		}
	}()
	// Twice as many rounds as there are places: each is looked at, and lost at
	// most once.
	for i, round := 0, 0; i < len(r.order) && round < 2*len(r.order); i, round = i+1, round+1 {
		failpoint.Hit(stepTypeLook)
		t, err := r.at(i)
		if err != nil {
			return 0, err
		}
		if t != nil {
			if t.name != want.name {
				continue
			}
			if d := want.diff(t); len(d) > 0 {
				return 0, &SchemaError{Type: t.name, Differences: d}
			}
			return t.id, nil
		}
		if mine < 0 {
			if mine, err = r.draft(&want, p); err != nil {
				return 0, err
			}
		}
		failpoint.Hit(stepTypePublish)
		// Published here, whole. Whoever loses looks at what won.
		if !r.order[i].CompareAndSwap(0, uint64(mine+1)) {
			i--
			continue
		}
		failpoint.Hit(stepTypeOwner)
		r.owner(mine).Store(recordShared)
		mine = -1
		return TypeID(i + 1), nil
	}
	return 0, fmt.Errorf("%w: all %d types are registered; raise Types in the Geometry", ErrTooMany, len(r.order))
}

// draft fills a free record for participant p.
func (r *registry) draft(t *typeInfo, p int) (int, error) {
	schema := t.layout.AppendSchema(nil)
	if len(schema) > typeSize-typeSchema {
		return -1, fmt.Errorf("bus: schema of type %s has %d bytes, at most %d fit; split the type", t.name, len(schema), typeSize-typeSchema)
	}
	for rec := range r.records {
		if o := r.owner(rec); o.Load() != 0 || !o.CompareAndSwap(0, uint64(p+1)) {
			continue
		}
		failpoint.Hit(stepTypeClaim)
		b := r.records[rec]
		binary.LittleEndian.PutUint32(b[typeValue:], uint32(t.layout.Size))
		binary.LittleEndian.PutUint32(b[typeSchemaN:], uint32(len(schema)))
		putText(b[typeName:typePriority], t.name)
		b[typePriority], b[typeAlso] = byte(t.priority), byte(t.also)
		copy(b[typeSchema:], schema)
		return rec, nil
	}
	return -1, fmt.Errorf("%w: all %d types are registered; raise Types in the Geometry", ErrTooMany, len(r.records))
}

// recover frees the records that dead participant p had not published.
func (r *registry) recover(p int) {
	for rec := range r.records {
		o := r.owner(rec)
		if o.Load() != uint64(p+1) {
			continue
		}
		now := uint64(0)
		for i := range r.order {
			if r.order[i].Load() == uint64(rec+1) {
				now = recordShared
			}
		}
		failpoint.Hit(stepRecoverType)
		o.Store(now)
	}
}

// list returns the types that can be read.
func (r *registry) list() []typeInfo {
	var all []typeInfo
	for i := range r.order {
		t, err := r.at(i)
		if err != nil {
			continue
		}
		if t == nil {
			break
		}
		all = append(all, *t)
	}
	return all
}

// goType is a Go type as this bus knows it.
type goType struct {
	id       TypeID
	name     string
	size     int
	priority Priority
	also     prioritySet
}

// TypeFor registers T in the region, or finds it there, and returns its id. It
// returns a *SchemaError when another process has declared a type of that name
// otherwise, ErrTooMany when the region knows as many types as it takes, and an
// error of package codec when T has no fixed layout.
func TypeFor[T any](b *Bus) (TypeID, error) {
	t, err := typeFor[T](b, TypeOptions{})
	return t.id, err
}

// viewSize returns the size of a Go type that was registered under that id.
func (b *Bus) viewSize(id TypeID, t reflect.Type) (int, bool) {
	v, ok := b.views.Load(viewKey{id, t})
	if !ok {
		return 0, false
	}
	return v.(int), true
}

type viewKey struct {
	id TypeID
	t  reflect.Type
}

// goTypeKey is a Go type and what it was declared as beside what it says itself.
type goTypeKey struct {
	t        reflect.Type
	name     string
	priority Priority
	also     prioritySet
	alone    bool // Also is said to be empty
}

func typeFor[T any](b *Bus, override TypeOptions) (goType, error) {
	key := goTypeKey{
		reflect.TypeFor[T](), override.Name, override.Priority, setOf(override.Also), override.Also != nil && len(override.Also) == 0,
	}
	if v, ok := b.goTypes.Load(key); ok {
		return v.(goType), nil
	}
	layout, err := codec.Of[T]()
	if err != nil {
		return goType{}, err
	}
	o := declared[T](key.t, override)
	if len(o.Name) > maxTypeName {
		return goType{}, fmt.Errorf("%w: type name %q is longer than %d bytes", ErrOptions, o.Name, maxTypeName)
	}
	if !o.Priority.valid() {
		return goType{}, fmt.Errorf("%w: type %s has priority %d, must be Critical, High, Normal or Low", ErrOptions, o.Name, o.Priority)
	}
	for _, p := range o.Also {
		if !p.valid() {
			return goType{}, fmt.Errorf("%w: type %s has priority %d in Also, must be Critical, High, Normal or Low", ErrOptions, o.Name, p)
		}
	}
	also := setOf(o.Also).without(o.Priority)
	id, err := b.registerType(typeInfo{name: o.Name, priority: o.Priority, also: also, layout: layout})
	if err != nil {
		return goType{}, err
	}
	b.views.Store(viewKey{id, key.t}, layout.Size)
	t := goType{id: id, name: o.Name, size: layout.Size, priority: o.Priority, also: also}
	b.goTypes.Store(key, t)
	return t, nil
}

// declared is what T says of itself, with what override says otherwise.
func declared[T any](t reflect.Type, override TypeOptions) TypeOptions {
	var o TypeOptions
	if e, ok := any(new(T)).(EventTyper); ok {
		o = e.EventType()
	}
	if override.Name != "" {
		o.Name = override.Name
	}
	if override.Priority != 0 {
		o.Priority = override.Priority
	}
	if override.Also != nil {
		o.Also = override.Also
	}
	if o.Name == "" {
		o.Name = t.String()
	}
	if o.Priority == 0 {
		o.Priority = Normal
	}
	return o
}

func (b *Bus) registerType(t typeInfo) (id TypeID, err error) {
	if err := b.enter(); err != nil {
		return 0, err
	}
	defer b.leave()
	defer b.caught(protect(), &err)
	// One at a time in a process: two of its goroutines would only draft twice.
	b.typeMu.Lock()
	defer b.typeMu.Unlock()
	return b.region.types.register(t, b.self)
}
