package policy

import "testing"

func BenchmarkInputValue(b *testing.B) {
	r := sample()
	b.ReportAllocs()
	for b.Loop() {
		inputValue(r, Context{})
	}
}
