package standin

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
)

// store is the tenant's state: objects by the canonical path of each, and sets by the path of their collection.
type store struct {
	mu      sync.RWMutex
	objects map[string]*object
	sets    map[string][]string // ids in order of arrival
	created uint64
	strict  bool
}

func newStore(strict bool) *store {
	return &store{objects: make(map[string]*object), sets: make(map[string][]string), strict: strict}
}

// key is the canonical path of what a place names: names in lower case, ids as they are.
func (p place) key() string { return keyOf(p.steps) }

func keyOf(steps []step) string {
	size := 0
	for _, s := range steps {
		size += 1 + len(s.text)
	}
	b := make([]byte, 0, size)
	for _, s := range steps {
		b = append(b, '/')
		if s.node.name == "{id}" {
			// A slash can get into an id by percent-encoding; it must not make one path look like another.
			b = append(b, strings.ReplaceAll(s.text, "/", "\x00")...)
		} else {
			for i := 0; i < len(s.node.name); i++ {
				c := s.node.name[i]
				if 'A' <= c && c <= 'Z' {
					c += 'a' - 'A'
				}
				b = append(b, c)
			}
		}
	}
	return string(b)
}

// split parts an item's key from its collection's.
func split(key string) (set, id string) {
	i := strings.LastIndexByte(key, '/')
	return key[:i], strings.ReplaceAll(key[i+1:], "\x00", "/")
}

// find returns the object at key. One that was never seen is made up, unless the store is strict; nil means that there is
// none.
func (s *store) find(key, typ string, item bool) *object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.look(key, typ, item)
}

func (s *store) look(key, typ string, item bool) *object {
	o := s.objects[key]
	switch {
	case o == nil && !item: // a singleton is always there, and has no id in its path
		return newObject(nameUUID(key, ""), typ, nil)
	case o == nil && !s.strict:
		_, id := split(key)
		return newObject(id, typ, nil)
	case o == nil || o.deleted:
		return nil
	}
	return o
}

// exist tells whether everything on the way to a place is there: what was deleted is not, nor, when strict, what was
// never seen.
func (s *store) exist(steps []step) (missing string, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range steps {
		if steps[i].node.name != "{id}" {
			continue
		}
		o := s.objects[keyOf(steps[:i+1])]
		if o == nil && s.strict || o != nil && o.deleted {
			return steps[i].text, false
		}
	}
	return "", true
}

// list returns the objects of a set, in order.
func (s *store) list(set string) []*object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := s.sets[set]
	out := make([]*object, 0, len(ids))
	for _, id := range ids {
		if o := s.objects[itemKey(set, id)]; o != nil && !o.deleted {
			out = append(out, o)
		}
	}
	return out
}

// create puts a new object into a set, under an id that depends only on the set and on what was created before.
func (s *store) create(set, typ string, body []field) *object {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created++
	id := nameUUID(set, strconv.FormatUint(s.created, 10))
	o := newObject(id, typ, nil).merged(body)
	s.put(set, o)
	return o
}

// update lays a body over the object at key; with replace the body is all that stays. nil means that there is no object.
func (s *store) update(key, typ string, item, replace bool, body []field) *object {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.look(key, typ, item)
	if old == nil {
		return nil
	}
	if replace {
		old = newObject(old.id, old.typ, nil)
	}
	o := old.merged(body)
	if !item {
		s.objects[key] = o
		return o
	}
	if s.objects[key] != nil {
		s.objects[key] = o
		return o
	}
	set, _ := split(key)
	s.put(set, o)
	return o
}

// remove marks the object at key as gone, so that it is not taken to exist again.
func (s *store) remove(key, typ string, item bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.look(key, typ, item) == nil {
		return false
	}
	s.drop(key, item)
	return true
}

// replace makes the given objects the whole of a set, as assign does: what is left out is gone, and of two with one
// target the later is ignored, as users have seen. An object that brings no id gets one that follows from its target, so
// that the same assign twice leaves the same set.
func (s *store) replace(set, typ string, bodies [][]field) []*object {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range append([]string(nil), s.sets[set]...) {
		s.drop(itemKey(set, id), true)
	}
	out := make([]*object, 0, len(bodies))
	seen := make(map[string]bool, len(bodies))
	for _, body := range bodies {
		target := get(body, "target")
		if target == nil {
			target = bytes.Join(values(body), nil)
		}
		if seen[string(target)] {
			continue
		}
		seen[string(target)] = true
		id := text(get(body, "id"))
		if id == "" || strings.Trim(id, "0-") == "" {
			id = nameUUID(set, string(target))
		}
		o := newObject(id, typ, nil).merged(body)
		s.put(set, o)
		out = append(out, o)
	}
	return out
}

func values(fields []field) [][]byte {
	out := make([][]byte, len(fields))
	for i, f := range fields {
		out[i] = f.value
	}
	return out
}

// add puts an object as it is into a set.
func (s *store) add(set string, o *object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(set, o)
}

// set puts an object at a key that is no item of a set.
func (s *store) set(key string, o *object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = o
}

func (s *store) put(set string, o *object) {
	key := itemKey(set, o.id)
	if old := s.objects[key]; old == nil || old.deleted {
		s.sets[set] = append(s.sets[set], o.id)
	}
	s.objects[key] = o
}

func (s *store) drop(key string, item bool) {
	set, id := split(key)
	s.objects[key] = &object{id: id, deleted: true}
	if !item {
		return
	}
	ids := s.sets[set]
	for i := range ids {
		if ids[i] == id {
			s.sets[set] = append(ids[:i:i], ids[i+1:]...)
			return
		}
	}
}

func itemKey(set, id string) string { return set + "/" + strings.ReplaceAll(id, "/", "\x00") }

// nameUUID is a UUID of version 5 made from a path and a name: the same in every run.
func nameUUID(path, name string) string {
	sum := sha1.Sum([]byte("graphwarden:" + path + ":" + name))
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	return formatUUID([16]byte(sum[:16]))
}

func formatUUID(u [16]byte) string {
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}
