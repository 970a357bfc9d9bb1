package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Fault is one thing wrong with a policy set, at its place.
type Fault struct {
	File    string
	Line    int // 0 when the fault concerns the file as a whole
	Message string
}

func (f Fault) String() string {
	if f.Line == 0 {
		return f.File + ": " + f.Message
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message)
}

// Faults are all the things wrong with a policy set; as an error they print one to a line.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// orNil is nil when there are no faults, else the faults in the order of their places.
func (f Faults) orNil() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Fault) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return f
}

func faultAt(location *ast.Location, format string, args ...any) Fault {
	f := Fault{Message: fmt.Sprintf(format, args...)}
	if location != nil {
		f.File, f.Line = location.File, location.Row
	}
	return f
}

// compileErrors turns what OPA reports into faults; an error of another sort becomes one fault of the file.
func compileErrors(err error) error {
	return Faults(parseFaults("", err)).orNil()
}

func parseFaults(name string, err error) []Fault {
	if list, ok := errors.AsType[ast.Errors](err); ok {
		faults := make([]Fault, len(list))
		for i, e := range list {
			faults[i] = astFault(name, e)
		}
		return faults
	}
	if one, ok := errors.AsType[*ast.Error](err); ok {
		return []Fault{astFault(name, one)}
	}
	return []Fault{{File: name, Message: err.Error()}}
}

func astFault(name string, e *ast.Error) Fault {
	message := e.Message
	if e.Details != nil {
		if lines := e.Details.Lines(); len(lines) > 0 {
			message += "\n\t" + strings.Join(lines, "\n\t")
		}
	}
	f := faultAt(e.Location, "%s", message)
	if f.File == "" {
		f.File = name
	}
	return f
}
