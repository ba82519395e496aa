package codec

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Values that lie one after another are viewed and written where they are.
func TestCastAll(t *testing.T) {
	type pair struct{ A, B uint32 }
	vs := []pair{{1, 2}, {3, 4}, {5, 6}}
	b := AllBytes(vs)
	assert.Len(t, b, 24)
	assert.Equal(t, vs, CastAll[pair](b))
	assert.Equal(t, vs[:2], CastAll[pair](b[:23]), "as many as there is room for")
	assert.Equal(t, 2, cap(CastAll[pair](b[:23])))
	assert.Empty(t, CastAll[pair](b[:7]))
	assert.Empty(t, CastAll[pair](nil))
	assert.Empty(t, CastAll[struct{}](b))
	assert.Empty(t, AllBytes([]pair(nil)))
	assert.Empty(t, AllBytes(make([]struct{}, 3)))

	CastAll[pair](b)[1].B = 9
	assert.EqualValues(t, 9, vs[1].B)
}
