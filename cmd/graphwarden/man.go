package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/graphwarden/graphwarden/internal/config"
)

// printMan writes the help of all commands as one manual page, in the man macros that every Unix has.
func printMan(w io.Writer) error {
	var b strings.Builder
	built := readBuild()
	day, _, _ := strings.Cut(built.Time, "T")
	fmt.Fprintf(&b, ".TH GRAPHWARDEN 1 %q %q\n.SH NAME\ngraphwarden \\- a record and replay proxy with policy checks for Microsoft Graph\n", day, "graphwarden "+built.Version)
	b.WriteString(".ad l\n") // long words leave lines that cannot be adjusted
	b.WriteString(".SH SYNOPSIS\n.B graphwarden\n.I COMMAND\n[\\fIFLAGS\\fR] [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n")
	head, _, _ := strings.Cut(overview, "\n\nUsage:")
	b.WriteString(roff(head) + "\n.SH COMMANDS\n")
	manCommands(&b, commands(), "")
	b.WriteString(".SH EXIT STATUS\n")
	for _, row := range [][2]string{{"0", "ok"}, {"1", "failed"}, {"2", "wrong usage or configuration"}, {"3", "policy denied something"},
		{"4", "a replay had no recording"}, {"5", "recordings were left unused, with \\-\\-strict"}, {"6", "a secret was found on a cassette"}} {
		fmt.Fprintf(&b, ".TP\n%s\n%s\n", row[0], row[1])
	}
	fmt.Fprintf(&b, ".SH ENVIRONMENT\n%s\n.SH FILES\n.TP\n%s\nthe settings, in the folder a command is run in\n.TP\n%s\nthe private CA\n",
		roff("Each setting is also a variable: GRAPHWARDEN_LOG_LEVEL for --log-level. A flag goes over its variable, that over the settings file."),
		roff(config.FileName), roff("~/.config/graphwarden/ca"))
	_, err := io.WriteString(w, b.String())
	return err
}

// manCommands writes a section for each command that does something.
func manCommands(b *strings.Builder, list []command, parent string) {
	for _, c := range list {
		name := strings.TrimSpace(parent + " " + c.name)
		if c.run == nil {
			manCommands(b, c.subcommands, name)
			continue
		}
		usage, examples, _ := strings.Cut(c.usage, "\nExamples:\n")
		synopsis, text, _ := strings.Cut(strings.TrimPrefix(usage, "Usage: "), "\n\n")
		fmt.Fprintf(b, ".SS %s\n.nf\n%s\n.fi\n.PP\n%s\n", roff(name), roff(synopsis), roff(strings.TrimSpace(text)))
		for _, f := range flagsOf(c, name) {
			fmt.Fprintf(b, ".TP\n\\fB%s\\fR", roff("--"+f.name))
			if f.arg != "" {
				fmt.Fprintf(b, " \\fI%s\\fR", roff(f.arg))
			}
			fmt.Fprintf(b, "\n%s\n", roff(f.help))
		}
		if examples != "" {
			fmt.Fprintf(b, ".PP\nExamples:\n.PP\n.nf\n%s\n.fi\n", roff(strings.TrimRight(examples, "\n")))
		}
	}
}

var roffEscapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...")

// roff is plain text in which nothing is taken for a request or an escape.
func roff(s string) string {
	lines := strings.Split(roffEscapes.Replace(s), "\n")
	for i, line := range lines {
		switch {
		case line == "":
			lines[i] = ".PP"
		case line[0] == '.' || line[0] == '\'':
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
