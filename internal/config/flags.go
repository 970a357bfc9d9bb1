package config

import (
	"flag"
	"slices"
	"strings"
)

// values gathers what a flag was given, in order; it checks nothing, so that all faults are found in one pass.
type values struct {
	given []string
	isSet bool
	bool  bool
}

func (v *values) String() string   { return strings.Join(v.given, ",") }
func (v *values) IsBoolFlag() bool { return v.bool }
func (v *values) Set(s string) error {
	v.given, v.isSet = append(v.given, s), true
	return nil
}

// readFlags reads the arguments as the standard library does, save that it goes on after a fault and, except for run
// whose arguments are another program's, after the first argument that is no flag.
func (c Call) readFlags(used []Setting, faults *Faults) (layer, []string, error) {
	fs := newFlagSet(c.Command)
	read := map[string]*values{}
	for _, set := range used {
		read[set.Name] = &values{bool: set.Kind == Bool}
		fs.Var(read[set.Name], set.Name, set.Help)
	}
	if len(used) > 0 {
		read[fileFlag] = &values{}
		fs.Var(read[fileFlag], fileFlag, "the settings file")
	}
	if c.Local != nil {
		c.Local.VisitAll(func(f *flag.Flag) { fs.Var(f.Value, f.Name, f.Usage) })
	}
	rest, err := scan(fs, c.Args, c.Command != "run", faults)
	if err != nil {
		return nil, nil, err
	}
	l := layer{}
	for name, v := range read {
		if !v.isSet {
			continue
		}
		if i := slices.IndexFunc(used, func(s Setting) bool { return s.Name == name }); i < 0 || !used[i].List {
			v.given = v.given[len(v.given)-1:] // the last of several wins, as in every other tool
		}
		l[name] = given{values: v.given, source: "--" + name, dir: c.Dir}
	}
	return l, rest, nil
}

// scan sets the flags it finds and returns the other arguments.
func scan(fs *flag.FlagSet, args []string, interspersed bool, faults *Faults) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			return append(rest, args...), nil
		}
		if len(arg) < 2 || arg[0] != '-' {
			rest = append(rest, arg)
			if !interspersed {
				return append(rest, args...), nil
			}
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		if arg == "-v" {
			name = "verbose" // the one short form
		}
		f := fs.Lookup(name)
		switch {
		case f == nil && (name == "h" || name == "help"):
			return nil, flag.ErrHelp
		case f == nil:
			faults.add("--"+name, "unknown flag%s", didYouMean(dashed(Nearest(name, flagNames(fs)))))
			// What follows may be its value or an argument; as a value it does least harm to the other messages.
			if !hasValue && len(args) > 0 && !strings.HasPrefix(args[0], "-") && interspersed {
				args = args[1:]
			}
			continue
		case !hasValue && isBool(f):
			value = "true"
		case !hasValue && len(args) == 0:
			faults.add("--"+name, "needs a value")
			continue
		case !hasValue:
			value, args = args[0], args[1:]
		}
		if err := f.Value.Set(value); err != nil {
			faults.add("--"+name, "%q: %v", value, err)
		}
	}
	return rest, nil
}

func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

func flagNames(fs *flag.FlagSet) (names []string) {
	fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}

func dashed(name string) string {
	if name == "" {
		return ""
	}
	return "--" + name
}
