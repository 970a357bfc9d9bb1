package main

import "strings"

// posixQuote quotes a value for bash, zsh and any other POSIX shell.
func posixQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

var fishEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

func fishQuote(s string) string { return "'" + fishEscapes.Replace(s) + "'" }

// PowerShell takes typographic quotes for straight ones, so each of them is doubled too.
var pwshEscapes = strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛")

func pwshQuote(s string) string { return "'" + pwshEscapes.Replace(s) + "'" }
