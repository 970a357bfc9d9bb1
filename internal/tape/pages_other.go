//go:build !linux

package tape

// largePages is for Linux alone.
func largePages([]byte) {}
