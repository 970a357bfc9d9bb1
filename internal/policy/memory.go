package policy

import (
	"slices"
	"sync"
)

// memory keeps verdicts by all that they follow from. It forgets, at the latest, when its generation goes.
type memory struct {
	mu sync.RWMutex
	// What is asked for lives in young; once that is full it becomes old, and what was old is forgotten.
	young, old map[string]Verdict
	size       int // of young, in bytes
}

// The bounds of one half of the memory.
const (
	maxVerdicts    = 2048
	maxVerdictSize = 1 << 20
	maxKey         = 4 << 10
)

// recall finds the verdict of a key.
func (m *memory) recall(key []byte) (Verdict, bool) {
	m.mu.RLock()
	v, ok := m.young[string(key)]
	aged := false
	if !ok {
		v, aged = m.old[string(key)]
	}
	m.mu.RUnlock()
	if aged {
		m.keep(key, v)
	}
	v.Violations = slices.Clone(v.Violations) // whoever gets them may add to them
	return v, ok || aged
}

// keep remembers a verdict. A key that is too long is not kept.
func (m *memory) keep(key []byte, v Verdict) {
	if len(key) > maxKey {
		return
	}
	v.Violations = slices.Clone(v.Violations)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young == nil || len(m.young) >= maxVerdicts || m.size >= maxVerdictSize {
		m.young, m.old, m.size = map[string]Verdict{}, m.young, 0
	}
	m.young[string(key)] = v
	m.size += len(key)
	for i := range v.Violations {
		x := &v.Violations[i]
		m.size += len(x.ID) + len(x.Message) + len(x.Pointer) + len(x.Fix)
	}
}
