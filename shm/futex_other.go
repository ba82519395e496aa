//go:build !linux

package shm

// FutexWait needs Linux; here it returns an error that wraps errors.ErrUnsupported.
func FutexWait(addr *uint32, val uint32, mask uint32, deadline int64) error { return errUnsupported }

// FutexWaitBriefly needs Linux; here it returns an error that wraps errors.ErrUnsupported.
func FutexWaitBriefly(addr *uint32, val uint32, mask uint32, deadline int64) error {
	return errUnsupported
}

// FutexWake needs Linux; here it returns an error that wraps errors.ErrUnsupported.
func FutexWake(addr *uint32, n int, mask uint32) (int, error) { return 0, errUnsupported }
