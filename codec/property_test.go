package codec

import (
	"bytes"
	"fmt"
	"math/rand"
	"reflect"
	"strconv"
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/require"
)

// The properties hold for any type that is accepted. Types are made at random by reflection, and what
// the package says about their bytes is compared with what reflection says about their values.

// anyStruct is a random struct type.
type anyStruct struct{ t reflect.Type }

var leaves = []reflect.Type{
	reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[Bool](),
	reflect.TypeFor[String16](), reflect.TypeFor[String64](), reflect.TypeFor[Bytes16](), reflect.TypeFor[callID](),
}

// Generate makes anyStruct a [quick.Generator].
func (anyStruct) Generate(r *rand.Rand, _ int) reflect.Value {
	return reflect.ValueOf(anyStruct{randomStruct(r, 3)})
}

func randomStruct(r *rand.Rand, depth int) reflect.Type {
	fields := make([]reflect.StructField, r.Intn(6))
	for i := range fields {
		fields[i] = reflect.StructField{Name: "F" + strconv.Itoa(i), Type: randomType(r, depth)}
	}
	return reflect.StructOf(fields)
}

func randomType(r *rand.Rand, depth int) reflect.Type {
	switch n := r.Intn(10); {
	case n < 2 && depth > 0:
		return randomStruct(r, depth-1)
	case n < 5 && depth > 0:
		return reflect.ArrayOf(r.Intn(4), randomType(r, depth-1))
	default:
		return leaves[r.Intn(len(leaves))]
	}
}

// inspectAny returns the layout of a random type, or nil where this platform aligns it in its own way.
func inspectAny(t *testing.T, s anyStruct) *Layout {
	l, err := inspect(s.t)
	if err != nil && strconv.IntSize == 32 {
		return nil
	}
	require.NoError(t, err, s.t)
	return l
}

// bytesOf returns the bytes of an addressable value, in place.
func bytesOf(v reflect.Value) []byte {
	return reflect.SliceAt(reflect.TypeFor[byte](), v.Addr().UnsafePointer(), int(v.Type().Size())).Bytes()
}

type pathValue struct {
	path  string
	value any
}

// expect appends what Walk must find in v, by reflection.
func expect(dst []pathValue, path string, v reflect.Value) []pathValue {
	switch x := v.Addr().Interface().(type) {
	case *Bool:
		return append(dst, pathValue{path, x.Get()})
	case interface{ Equal(string) bool }:
		return append(dst, pathValue{path, x.(fmt.Stringer).String()})
	case interface{ Equal([]byte) bool }:
		return append(dst, pathValue{path, bytes.Clone(x.(interface{ Bytes() []byte }).Bytes())})
	}
	switch t := v.Type(); {
	case t.Kind() == reflect.Struct:
		for i := range v.NumField() {
			name := t.Field(i).Name
			if path != "" {
				name = path + "." + name
			}
			dst = expect(dst, name, v.Field(i))
		}
		return dst
	case t.Kind() == reflect.Array && t.Elem() == reflect.TypeFor[uint8]() && t.Len() > 0:
		return append(dst, pathValue{path, bytes.Clone(v.Bytes())})
	case t.Kind() == reflect.Array:
		for i := range v.Len() {
			dst = expect(dst, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
		return dst
	case v.CanInt():
		return append(dst, pathValue{path, v.Int()})
	case v.CanUint():
		return append(dst, pathValue{path, v.Uint()})
	case t.Kind() == reflect.Float32:
		return append(dst, pathValue{path, float32(v.Float())})
	default:
		return append(dst, pathValue{path, v.Float()})
	}
}

func TestWalkFindsWhatReflectionFinds(t *testing.T) {
	require.NoError(t, quick.Check(func(s anyStruct, seed int64) bool {
		l := inspectAny(t, s)
		if l == nil {
			return true
		}
		v := reflect.New(s.t).Elem()
		b := bytesOf(v)
		rand.New(rand.NewSource(seed)).Read(b)
		var got []pathValue
		for path, value := range l.Walk(b) {
			got = append(got, pathValue{path, value})
		}
		// Printed, since NaN is not equal to itself.
		return fmt.Sprintf("%#v", expect(nil, "", v)) == fmt.Sprintf("%#v", got)
	}, nil))
}

func TestAnyLayoutRoundTrips(t *testing.T) {
	require.NoError(t, quick.Check(func(s anyStruct) bool {
		l := inspectAny(t, s)
		if l == nil {
			return true
		}
		got, err := ParseSchema(l.AppendSchema(nil))
		require.NoError(t, err, l)
		require.Equal(t, anonymous(l), got)
		return l.Size == int(s.t.Size()) && l.Align >= s.t.Align() && l.Padding >= 0
	}, nil))
}

// The fingerprint, the schema, the text and Diff agree on whether two layouts are the same.
func TestAnyTwoLayoutsDifferInWords(t *testing.T) {
	same, different := 0, 0
	require.NoError(t, quick.Check(func(seed int64, other int64) bool {
		// Few enough types that some pairs are equal.
		a := inspectAny(t, anyStruct{randomStruct(rand.New(rand.NewSource(seed%20)), 1)})
		b := inspectAny(t, anyStruct{randomStruct(rand.New(rand.NewSource(other%20)), 1)})
		if a == nil || b == nil {
			return true
		}
		equal := bytes.Equal(a.AppendSchema(nil), b.AppendSchema(nil))
		if equal {
			same++
		} else {
			different++
		}
		return equal == (a.Fingerprint == b.Fingerprint) && equal == (len(a.Diff(b)) == 0) &&
			equal == (len(b.Diff(a)) == 0) && equal == (a.String() == b.String())
	}, &quick.Config{MaxCount: 1000}))
	require.NotZero(t, same)
	require.NotZero(t, different)
}
