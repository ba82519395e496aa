package codec_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/codec"
)

type spoken struct {
	ID  codec.String16
	Raw codec.Bytes16
	On  codec.Bool
}

func TestEventsKeepTheirContentInJSON(t *testing.T) {
	var v, back spoken
	require.NoError(t, v.ID.Set("a\"b"))
	require.NoError(t, v.Raw.Set([]byte{1, 0xff}))
	v.On.Set(true)
	text, err := json.Marshal(v)
	require.NoError(t, err)
	assert.JSONEq(t, `{"ID":"a\"b","Raw":"01ff","On":true}`, string(text))
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, v, back)
	assert.Equal(t, `{a"b 01ff true}`, fmt.Sprint(v))

	for _, bad := range []string{`{"ID":"longer than fourteen"}`, `{"Raw":"xx"}`, `{"Raw":"0102030405060708090a0b0c0d0e0f"}`, `{"On":2}`} {
		assert.Error(t, json.Unmarshal([]byte(bad), &back), bad)
	}
}
