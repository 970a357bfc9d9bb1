package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// assign checks the values and puts them where they belong. A single empty value unsets a setting that a lower source
// has set.
func (set *Setting) assign(s *Settings, values []string, dir string) error {
	if !set.List && len(values) != 1 {
		return fmt.Errorf("takes one value, not %d", len(values))
	}
	if len(values) == 1 && values[0] == "" && set.Kind != Choice && set.Kind != Bool {
		return nil
	}
	read := make([]string, 0, len(values))
	for _, v := range values {
		v, err := set.read(v, dir)
		if err != nil {
			return err
		}
		read = append(read, v)
	}
	switch t := set.target(s).(type) {
	case *string:
		*t = read[0]
	case *bool:
		*t = read[0] == "true"
	case *[]string:
		*t = read
	}
	return nil
}

// read checks one value and brings it into its one form.
func (set *Setting) read(v, dir string) (string, error) {
	if v == "" {
		return "", errors.New("the value is empty")
	}
	switch set.Kind {
	case Bool:
		b, err := strconv.ParseBool(v)
		if err != nil {
			return "", fmt.Errorf("%q is neither true nor false", v)
		}
		return strconv.FormatBool(b), nil
	case Choice:
		if !slices.Contains(set.Choices, v) {
			return "", fmt.Errorf("%q is not %s", v, list(set.Choices))
		}
	case Path:
		if v != "-" && !isURL(v) && !filepath.IsAbs(v) {
			v = filepath.Join(dir, v)
		}
	}
	if set.check != nil {
		if err := set.check(v); err != nil {
			return "", err
		}
	}
	return v, nil
}

// isURL tells a path from what a server is to be asked for.
func isURL(v string) bool { return strings.HasPrefix(v, "https://") || strings.HasPrefix(v, "http://") }

// list writes words as a person would: a, b or c.
func list(words []string) string {
	n := len(words)
	if n < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
}
