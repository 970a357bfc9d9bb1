package main

import (
	"slices"
	"strings"
	"testing"
)

// each calls f for every command that does something, with its full name.
func each(cmds []command, parent string, f func(command, string)) {
	for _, c := range cmds {
		name := strings.TrimSpace(parent + " " + c.name)
		if c.run != nil {
			f(c, name)
		}
		each(c.subcommands, name, f)
	}
}

// TestHelp holds every command's help to one form, and its examples to flags that exist.
func TestHelp(t *testing.T) {
	t.Parallel()
	each(commands(), "", func(c command, name string) {
		if !strings.HasPrefix(c.usage, "Usage: graphwarden "+name) {
			t.Errorf("%s: help does not begin with its usage", name)
		}
		_, examples, ok := strings.Cut(c.usage, "\nExamples:\n")
		if !ok || !strings.Contains(examples, "graphwarden "+name) {
			t.Errorf("%s: help has no example of it", name)
		}
		if c.summary == "" || strings.HasSuffix(c.summary, ".") || strings.ToLower(c.summary[:1]) != c.summary[:1] {
			t.Errorf("%s: summary %q is not a line in lower case without a full stop", name, c.summary)
		}
		var flags []string
		for _, f := range flagsOf(c, name) {
			flags = append(flags, "--"+f.name)
			if f.help == "" {
				t.Errorf("%s --%s: no help", name, f.name)
			}
		}
		for line := range strings.Lines(examples) {
			for _, word := range exampleFlags(line, name) {
				if !slices.Contains(flags, word) {
					t.Errorf("%s: the example has %s, which there is not", name, word)
				}
			}
		}
	})
}

// exampleFlags are the flags an example line gives to the command itself.
func exampleFlags(line, name string) []string {
	_, after, ok := strings.Cut(line, "graphwarden "+name)
	if !ok {
		return nil
	}
	var flags []string
	for word := range strings.FieldsSeq(after) {
		if word == "--" || strings.HasPrefix(word, "#") || strings.HasPrefix(word, "|") {
			break
		}
		closed := strings.Contains(word, ")")
		word, _, _ = strings.Cut(strings.TrimRight(word, `)"'`), "=")
		if strings.HasPrefix(word, "--") {
			flags = append(flags, word)
		}
		if closed { // the end of a $(…)
			break
		}
	}
	return flags
}
