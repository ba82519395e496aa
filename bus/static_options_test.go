package bus

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every option of subscriptions is either one that a static ring has, or refused.
func TestStaticDecidesOnEveryOption(t *testing.T) {
	has := []string{
		"Name", "Durable", "HoldEvents", "HoldFor", "HoldPolicy", "Start", "Position", "OnLag", "Window", "Wait", "Timeout",
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[SubscribeOptions]()) {
		if !f.IsExported() || slices.Contains(has, f.Name) {
			continue
		}
		var o SubscribeOptions
		give(reflect.ValueOf(&o).Elem().FieldByIndex(f.Index))
		err := o.checkStatic()
		require.ErrorIs(t, err, ErrOptions, "%s means nothing to a static ring", f.Name)
		require.ErrorContains(t, err, f.Name)
	}
}

// give sets a field to something that is not its zero value.
func give(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case reflect.String:
		v.SetString("x")
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Filter]() {
			v.Set(reflect.ValueOf(Keys(1)))
			return
		}
		give(v.Field(0))
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(1)
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("give: " + v.Kind().String())
	}
}
