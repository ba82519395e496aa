package codec

// Parameters of the 64-bit FNV-1a hash by Fowler, Noll and Vo, as in hash/fnv.
// http://www.isthe.com/chongo/tech/comp/fnv/
const (
	fnvOffset uint64 = 14695981039346656037
	fnvPrime  uint64 = 1099511628211
)

// Hash returns the 64-bit FNV-1a hash of s. It is the same in every process, on every platform and
// in every version, and so serves as the key of an event: the events of one Call-ID, say,
// keep their order. It is no defence against somebody who chooses s to make keys collide; that costs
// balance, never correctness.
func Hash(s string) uint64 { return fnv1a(s) }

// HashBytes returns the same hash as [Hash] of the same bytes.
func HashBytes(p []byte) uint64 { return fnv1a(p) }

func fnv1a[S string | []byte](s S) uint64 {
	h := fnvOffset
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}
