package main

// How graphwarden speaks. Results go to standard output, everything else to standard error; only this file and help.go
// print anything but a command's own result.
//
//   - An error is one line, `graphwarden: doing this to that: why`, lower case and without a full stop; several faults
//     are listed below their number, two spaces in.
//   - At most one hint follows, `hint: ` and what to do or type next.
//   - Colour is for terminals only, never with NO_COLOR or TERM=dumb, and never the only bearer of a meaning.
//   - No token, no body and no password is printed at any level.

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"

	"github.com/graphwarden/graphwarden/internal/config"
)

// printError writes an error and its hint.
func printError(env *Env, err error, hint string) {
	p := env.paint(env.Stderr)
	fmt.Fprintf(env.Stderr, "%s %v\n", p.red("graphwarden:"), err)
	if hint != "" {
		printHint(env, hint)
	}
}

// printHint writes what to do next.
func printHint(env *Env, hint string) {
	fmt.Fprintf(env.Stderr, "%s %s\n", env.paint(env.Stderr).bold("hint:"), hint)
}

// note writes a line that is no result, such as a file that was made.
func note(env *Env, format string, args ...any) {
	fmt.Fprintf(env.Stderr, "graphwarden: "+format+"\n", args...)
}

// printable is a value that comes from a client, made harmless to a terminal: what would move its cursor, colour or
// turn around the text is shown as its escape.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	quoted := strconv.QuoteToGraphic(s)
	return quoted[1 : len(quoted)-1]
}

// paint colours text, or leaves it alone.
type paint bool

// paint is for one stream: standard output may be a file while standard error is a terminal.
func (e *Env) paint(w io.Writer) paint {
	if e.Getenv("NO_COLOR") != "" || e.Getenv("TERM") == "dumb" {
		return false
	}
	if w == e.Stderr {
		return paint(e.TTY)
	}
	f, ok := w.(*os.File)
	return paint(ok && term.IsTerminal(int(f.Fd())))
}

func (p paint) red(s string) string    { return p.with("31", s) }
func (p paint) green(s string) string  { return p.with("32", s) }
func (p paint) yellow(s string) string { return p.with("33", s) }
func (p paint) dim(s string) string    { return p.with("2", s) }
func (p paint) bold(s string) string   { return p.with("1", s) }

func (p paint) with(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// logger writes the log that the settings ask for: text on a terminal and JSON elsewhere, unless they name a form.
func logger(s config.Settings, stderr io.Writer) *slog.Logger {
	var level slog.Level
	// The value was checked with the settings; the zero level is info, their default.
	_ = level.UnmarshalText([]byte(s.LogLevel))
	options := &slog.HandlerOptions{Level: level}
	form := s.Log
	if form == "" {
		form = "json"
		if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			form = "text"
		}
	}
	if form == "text" {
		return slog.New(slog.NewTextHandler(stderr, options))
	}
	return slog.New(slog.NewJSONHandler(stderr, options))
}
