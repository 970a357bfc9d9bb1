package tape

import (
	"strings"
	"unicode/utf8"
)

// appendKey appends a mapping key and its colon.
func appendKey(dst []byte, key string) []byte {
	switch {
	case strings.IndexByte(key, '\n') >= 0 || !utf8.ValidString(key):
		dst = appendDouble(dst, strings.ToValidUTF8(key, "\ufffd"))
	default:
		dst = appendScalar(dst, key, 0)
	}
	return append(dst, ':')
}

// naturalOrder is the order in which yaml.v3 writes the keys of a map: runs of digits count as numbers, and where only
// one side has a letter, the letter comes last, or first behind a digit.
func naturalOrder(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i == len(a) || i == len(b) {
		return len(a) - len(b)
	}
	letterA, letterB := isLetter(a[i]), isLetter(b[i])
	if letterA != letterB {
		behindDigit := i > 0 && isDigit(a[i-1])
		if letterA == behindDigit {
			return -1
		}
		return 1
	}
	if !letterA {
		if c := compareRuns(a, b, i); c != 0 {
			return c
		}
	}
	return int(a[i]) - int(b[i])
}

// compareRuns compares the digits that begin at i. A zero at i that continues a number counts as a place of it.
func compareRuns(a, b string, i int) int {
	numA, lenA := digitRun(a[i:])
	numB, lenB := digitRun(b[i:])
	if a[i] == '0' || b[i] == '0' {
		for j := i - 1; j >= 0 && isDigit(a[j]); j-- {
			if a[j] != '0' {
				numA, numB = "1"+a[i:i+lenA], "1"+b[i:i+lenB]
				break
			}
		}
	}
	if len(numA) != len(numB) {
		return len(numA) - len(numB)
	}
	if c := strings.Compare(numA, numB); c != 0 {
		return c
	}
	return lenA - lenB
}

// digitRun is the number at the start of s without leading zeros, and how many digits were read.
func digitRun(s string) (number string, n int) {
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return strings.TrimLeft(s[:n], "0"), n
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// isLetter takes every byte beyond ASCII for part of a letter: header names have none.
func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' || b >= utf8.RuneSelf }
