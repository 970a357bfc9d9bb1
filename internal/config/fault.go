package config

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with the settings, and the place it was found in.
type Fault struct {
	Source  string
	Message string
}

func (f Fault) Error() string { return f.Source + ": " + f.Message }

// Faults are all that is wrong, in the order flags, environment, file.
type Faults []Fault

func (f Faults) Error() string {
	if len(f) == 1 {
		return f[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d faults in the settings", len(f))
	for _, fault := range f {
		b.WriteString("\n  " + fault.Error())
	}
	return b.String()
}

func (f *Faults) add(source, format string, args ...any) {
	*f = append(*f, Fault{Source: source, Message: fmt.Sprintf(format, args...)})
}

// orNil avoids an error that is not nil and says nothing.
func (f Faults) orNil() error {
	if len(f) == 0 {
		return nil
	}
	return f
}
