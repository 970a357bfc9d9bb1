package main

import (
	"errors"
	"fmt"
)

// The exit codes, the same for every command.
const (
	codeOK     = 0
	codeFailed = 1
	codeUsage  = 2 // wrong usage or configuration
	codeDenied = 3 // policy denied something
	codeMiss   = 4 // a replay had no recording
	codeUnused = 5 // recordings were left unused, and that was to be strict
	codeSecret = 6 // a secret was found on a cassette
)

// exitError is an error with the code to exit with and, where one helps, the command or step that comes next. With no
// err nothing is printed: the command has said it all.
type exitError struct {
	code int
	err  error
	hint string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError is a wrong use of the command line.
func usageError(hint, format string, args ...any) error {
	return &exitError{code: codeUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// finish prints how a command ended, if it did not end well, and returns the exit code.
func finish(env *Env, err error) int {
	if err == nil {
		return codeOK
	}
	exit, ok := errors.AsType[*exitError](err)
	if !ok {
		exit = &exitError{code: codeFailed, err: err}
	}
	if exit.err != nil {
		printError(env, err, exit.hint)
	}
	return exit.code
}
