package main

import (
	"runtime/debug"
	"testing"
)

// Not beside other tests: the collector is the process's.
func TestMemory(t *testing.T) {
	usual := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(usual) })
	percent := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	t.Run("left alone", func(t *testing.T) {
		t.Setenv("GOGC", "70")
		m := startMemory()
		m.settle()
		if percent() != 100 || m.reserve != nil {
			t.Errorf("GOGC is %d, the reserve %d", percent(), len(m.reserve))
		}
	})
	t.Run("settled", func(t *testing.T) {
		t.Setenv("GOGC", "")
		t.Setenv("GOMEMLIMIT", "")
		m := startMemory()
		if percent() != patience && percent() != 100 { // 100 where a collection came between
			t.Errorf("GOGC is %d at the start", percent())
		}
		m.settle()
		if percent() != 100 || len(m.reserve) != headroom {
			t.Errorf("GOGC is %d, the reserve %d", percent(), len(m.reserve))
		}
		if m.takeHeadroom(func() {}) {
			t.Error("headroom was taken twice")
		}
	})
}
