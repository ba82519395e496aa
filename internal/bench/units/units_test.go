package units

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnitsHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0 ns", 3.14159: "3.14 ns", 98.76: "98.8 ns", 999.4: "999 ns", 999.9: "1.00 µs", 36_576: "36.6 µs", 1.043042e6: "1.04 ms", 2.5e9: "2.50 s",
	} {
		assert.Equal(t, want, NS(v))
	}
	for v, want := range map[float64]string{0: "0", 12.34: "12.3", 86_330: "86.3 k", 999_990: "1.00 M", 24.43e6: "24.4 M", 3e9: "3.00 G"} {
		assert.Equal(t, want, SI(v))
	}
}
