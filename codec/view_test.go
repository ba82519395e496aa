package codec

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type sample struct {
	At    int64
	Seq   uint32
	Level uint16
	Peer  String16
	_     [2]byte
}

// aligned returns n bytes that start at a multiple of 8.
func aligned(n int) []byte {
	b := make([]byte, n+MaxAlign)
	b = b[(MaxAlign-misaligned(b, MaxAlign))%MaxAlign:]
	return b[:n:n]
}

func TestViewIsInPlace(t *testing.T) {
	b := aligned(64)
	v, err := View[sample](b)
	require.NoError(t, err)
	v.At, v.Seq = 0x0102030405060708, 0x0a0b0c0d
	require.NoError(t, v.Peer.Set("bob"))
	assert.Equal(t, []byte{8, 7, 6, 5, 4, 3, 2, 1, 0xd, 0xc, 0xb, 0xa, 0, 0, 3, 0, 'b', 'o', 'b', 0}, b[:20])

	assert.Same(t, v, Cast[sample](b))
	assert.Equal(t, b[:32], AsBytes(v))
	AsBytes(v)[8] = 0xff
	assert.EqualValues(t, 0x0a0b0cff, v.Seq)
}

func TestViewErrors(t *testing.T) {
	_, err := View[sample](aligned(31))
	require.ErrorIs(t, err, ErrShort)
	assert.ErrorContains(t, err, "codec.sample needs 32, have 31")
	_, err = View[sample](nil)
	require.ErrorIs(t, err, ErrShort)

	_, err = View[sample](aligned(64)[4:])
	require.ErrorIs(t, err, ErrMisaligned)
	assert.ErrorContains(t, err, "needs a multiple of 8, these start 4 beyond one")

	_, err = View[bad](aligned(64))
	require.ErrorIs(t, err, ErrType)
}

// A type whose fields need less alignment accepts more addresses.
func TestViewAlignment(t *testing.T) {
	b := aligned(64)
	_, err := View[leg](b[2:])
	require.NoError(t, err)
	_, err = View[leg](b[1:])
	require.ErrorIs(t, err, ErrMisaligned)
	_, err = View[struct{ B uint8 }](b[1:])
	require.NoError(t, err)
}

func TestSignalHasNoBytes(t *testing.T) {
	type hangup struct{}
	for _, b := range [][]byte{nil, {}, aligned(8)[1:]} {
		v, err := View[hangup](b)
		require.NoError(t, err)
		require.NotNil(t, v)
		require.NotNil(t, Cast[hangup](b))
		assert.Empty(t, AsBytes(v))
	}
}

func TestCastNeverReachesOutside(t *testing.T) {
	b := aligned(64)
	for n := range 32 {
		assert.Panics(t, func() { Cast[sample](b[:n]) })
	}
	assert.Panics(t, func() { Cast[sample](nil) })
	assert.NotPanics(t, func() { Cast[sample](b[:32]) })
}

func TestByteOrderErrorIsUnsupported(t *testing.T) {
	assert.ErrorIs(t, ErrByteOrder, errors.ErrUnsupported)
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	b := aligned(64)
	_, err := Of[sample]()
	require.NoError(t, err)
	caller, raw := "alice@example", []byte("raw")
	var sum uint64
	for name, f := range map[string]func(){
		"Cast":    func() { sum += uint64(Cast[sample](b).Seq) },
		"View":    func() { v, _ := View[sample](b); sum += uint64(v.Seq) },
		"Of":      func() { l, _ := Of[sample](); sum += l.Fingerprint },
		"AsBytes": func() { sum += uint64(len(AsBytes(Cast[sample](b)))) },
		"Set":     func() { _ = Cast[sample](b).Peer.Set(caller) },
		"Equal": func() {
			if Cast[sample](b).Peer.Equal(caller) {
				sum++
			}
		},
		"Bytes": func() { sum += uint64(len(Cast[sample](b).Peer.Bytes())) },
		"Hash":  func() { sum += Hash(caller) + HashBytes(raw) },
	} {
		assert.Zero(t, testing.AllocsPerRun(100, f), name)
	}
	assert.NotZero(t, sum)
}
