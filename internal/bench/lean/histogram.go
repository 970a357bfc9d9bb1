package lean

import (
	"math/bits"
	"time"
)

const (
	fine    = 5 // bits kept below the highest: a value is known to 3 percent
	buckets = (64 - fine) << fine
)

// Histogram counts durations. It is used by one goroutine.
type Histogram struct {
	counts [buckets]uint32
	total  uint64
}

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.total++
}

// Merge adds what another one has counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
}

// Total is how many were counted.
func (h *Histogram) Total() uint64 { return h.total }

// Quantile is the duration that the share q of all does not exceed, as the upper end of its bucket; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	wanted := max(uint64(q*float64(h.total)+0.5), 1)
	for i, n := range h.counts {
		if uint64(n) >= wanted {
			return time.Duration(upper(i))
		}
		wanted -= uint64(n)
	}
	return time.Duration(upper(buckets - 1))
}

func bucket(v uint64) int {
	if v < 1<<fine {
		return int(v)
	}
	shift := bits.Len64(v) - fine - 1
	return shift<<fine + int(v>>shift)
}

// upper is the greatest value of a bucket.
func upper(i int) uint64 {
	if i < 1<<fine {
		return uint64(i)
	}
	shift := i>>fine - 1
	return (uint64(i-shift<<fine)+1)<<shift - 1
}
