package policy

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// leafKind is the form of a leaf.
type leafKind byte

// The forms. Each is the first byte of the leaf's key too, so the bytes differ.
const (
	leafAbsent  leafKind = '-' // not in the document
	leafNull    leafKind = 'n'
	leafBool    leafKind = 'b'
	leafNumber  leafKind = 'i'
	leafText    leafKind = 's'
	leafList    leafKind = 'l'
	leafTargets leafKind = 't'
	leafNative  leafKind = 'v'
)

// leaf is one value of the input document, in the form that costs nothing to make. Native, key and term say the same of
// it in three ways.
type leaf struct {
	kind    leafKind
	flag    bool
	bulky   bool // too large to be written into a key
	number  int64
	text    string
	list    []string
	targets []graph.Target
	value   any // a native value, as JSON is read: what has members that the document does not name
}

func null() leaf                { return leaf{kind: leafNull} }
func flag(b bool) leaf          { return leaf{kind: leafBool, flag: b} }
func number(n int) leaf         { return leaf{kind: leafNumber, number: int64(n)} }
func word(s string) leaf        { return leaf{kind: leafText, text: s} }
func words(list []string) leaf  { return leaf{kind: leafList, list: list} }
func nativeLeaf(value any) leaf { return leaf{kind: leafNative, value: value} }

func wordOrNull(s string) leaf {
	if s == "" {
		return null()
	}
	return word(s)
}

func numberOrNull(n int) leaf {
	if n == 0 {
		return null()
	}
	return number(n)
}

// native is the leaf as Go writes JSON.
func (l *leaf) native() any {
	switch l.kind {
	case leafBool:
		return l.flag
	case leafNumber:
		return l.number
	case leafText:
		return l.text
	case leafList:
		if l.list == nil {
			return noStrings // an absent list is empty in the document, not null
		}
		return l.list
	case leafTargets:
		return targetsInput(l.targets)
	case leafNative:
		return l.value
	}
	return nil
}

var noStrings = []string{}

// term is the leaf as OPA has it.
func (l *leaf) term() *ast.Term {
	switch l.kind {
	case leafBool:
		return ast.InternedTerm(l.flag)
	case leafNumber:
		return ast.InternedTerm(l.number)
	case leafText:
		return ast.InternedTerm(l.text)
	case leafList:
		terms := make([]*ast.Term, len(l.list))
		for i, s := range l.list {
			terms[i] = ast.InternedTerm(s)
		}
		return ast.ArrayTerm(terms...)
	case leafTargets, leafNative:
		return ast.NewTerm(ast.MustInterfaceToValue(l.native()))
	}
	return ast.InternedNullTerm
}

// equal compares scalars, as the == of a rule does with a constant.
func (l *leaf) equal(other *leaf) bool {
	return l.kind == other.kind && l.flag == other.flag && l.number == other.number && l.text == other.text
}

// appendKey writes the leaf so that two leaves have the same bytes only if they are the same value, and so that none is
// the beginning of another. A bulky one is cut short: no verdict may be kept by a key that has one.
func (l *leaf) appendKey(b []byte) []byte {
	b = append(b, byte(l.kind))
	if l.bulky {
		return b
	}
	switch l.kind {
	case leafBool:
		return append(b, digit(l.flag))
	case leafNumber:
		return binary.BigEndian.AppendUint64(b, uint64(l.number))
	case leafText:
		return appendText(b, l.text)
	case leafList:
		return appendTexts(b, l.list)
	case leafTargets:
		return appendTargets(b, l.targets)
	case leafNative:
		return appendNative(b, l.value)
	}
	return b
}

func digit(b bool) byte {
	if b {
		return '1'
	}
	return '0'
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// appendTargets writes all that targetsInput shows.
func appendTargets(b []byte, targets []graph.Target) []byte {
	b = binary.AppendUvarint(b, uint64(len(targets)))
	for i := range targets {
		t := &targets[i]
		for _, s := range [...]string{t.Type, t.ODataType, t.ID, t.FilterID, filterMode(t), t.Intent, t.Pointer} {
			b = appendText(b, s)
		}
		for _, list := range [...][]string{t.Properties, t.Unexpected, t.Missing} {
			b = appendTexts(b, list)
		}
	}
	return b
}

// appendNative is appendKey for a native value.
func appendNative(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, 'n')
	case bool:
		return append(b, 'b', digit(v))
	case string:
		return appendText(append(b, 's'), v)
	case json.Number:
		return appendText(append(b, '#'), string(v))
	case int:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
	case []string:
		return appendTexts(append(b, 'l'), v)
	case []any:
		b = binary.AppendUvarint(append(b, 'a'), uint64(len(v)))
		for _, item := range v {
			b = appendNative(b, item)
		}
		return b
	case map[string]any:
		b = binary.AppendUvarint(append(b, 'o'), uint64(len(v)))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b = appendNative(appendText(b, name), v[name])
		}
		return b
	}
	return appendText(append(b, '?'), fmt.Sprintf("%T %#v", value, value)) // there is none in a document
}
