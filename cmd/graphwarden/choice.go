package main

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// choice is a flag that takes one of a few words.
type choice struct {
	to      *string
	choices []string
}

func (c *choice) String() string {
	if c.to == nil {
		return ""
	}
	return *c.to
}

func (c *choice) Set(v string) error {
	if !slices.Contains(c.choices, v) {
		return fmt.Errorf("not one of %s", strings.Join(c.choices, ", "))
	}
	*c.to = v
	return nil
}

// choiceFlag registers a flag that takes one of the choices.
func choiceFlag(fs *flag.FlagSet, to *string, name, fallback, help string, choices ...string) {
	*to = fallback
	fs.Var(&choice{to, choices}, name, help)
}

// words is a flag that may be repeated.
type words []string

func (w *words) String() string     { return strings.Join(*w, ",") }
func (w *words) Set(v string) error { *w = append(*w, v); return nil }
