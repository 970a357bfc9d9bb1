package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite docs/licences.md")

// linkedModule is a module of which something is in the binary.
type linkedModule struct {
	Path, Version, Dir string
	Main               bool
}

// TestLicences compares docs/licences.md with the modules that the binary is linked from, on every system it is built for.
// A licence that is not one of the permissive ones known here fails: somebody has to read it.
func TestLicences(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	linked := map[string]linkedModule{}
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, m := range modulesOf(t, system) {
			linked[m.Path] = m
		}
	}
	var lines []string
	for _, m := range linked {
		licence, err := licenceOf(m.Dir)
		if err != nil {
			t.Errorf("%s %s: %v", m.Path, m.Version, err)
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s |\n", m.Path, m.Version, licence))
	}
	slices.Sort(lines)
	want := fmt.Sprintf(`# Licences

graphwarden is under the MIT licence. The binary also holds code of these %d modules and of Go's standard library
(BSD-3-Clause). `+"`make licences`"+` rewrites this list, and a test compares it with what is linked.

| module | version | licence |
| --- | --- | --- |
%s`, len(lines), strings.Join(lines, ""))
	const file = "../docs/licences.md"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/licences.md is not what is linked; make licences rewrites it (-want +got):\n%s", diff)
	}
}

// TestNoTemplates keeps text/template out of the binary. It calls methods by names it learns at run time, so with it the linker
// keeps every exported method of every library: 4 MiB more to store, to load and to hold in memory.
func TestNoTemplates(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", "list", "-deps", "github.com/graphwarden/graphwarden/cmd/graphwarden")
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list for %s: %v", system, err)
		}
		linked := strings.Fields(string(out))
		if !slices.Contains(linked, "net/http") {
			t.Fatalf("%s: net/http is not among what is linked: %v", system, linked)
		}
		for _, name := range []string{"text/template", "html/template"} {
			if slices.Contains(linked, name) {
				t.Errorf("%s: %s is linked; go list -deps -json tells by whom", system, name)
			}
		}
	}
}

// modulesOf lists the modules, but our own, that the command is linked from on a system.
func modulesOf(t *testing.T, system string) []linkedModule {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=Module", "github.com/graphwarden/graphwarden/cmd/graphwarden")
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list for %s: %v\n%s", system, err, &stderr)
	}
	var found []linkedModule
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ Module *linkedModule }
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Module != nil && !p.Module.Main {
			found = append(found, *p.Module)
		}
	}
}

// licences tell each licence by a sentence that no other has; the first that fits counts.
var licences = []struct{ name, sentence string }{
	{"Apache-2.0", "Apache License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License, version 2.0"},
	{"BSD-3-Clause", "Neither the name of"},
	{"BSD-3-Clause", "nor the names of"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"},
	{"ISC", "Permission to use, copy, modify, and distribute this software for any purpose with or without fee"},
}

// licenceOf names the licence in a module's folder.
func licenceOf(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("its source is not here: go mod download")
	}
	for _, pattern := range []string{"LICENSE*", "LICENCE*", "License*", "license*", "COPYING*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				continue // a folder of licences
			}
			text := strings.Join(strings.Fields(string(b)), " ")
			for _, l := range licences {
				if strings.Contains(text, l.sentence) {
					return l.name, nil
				}
			}
			return "", fmt.Errorf("%s is a licence that is not known here: read it, then name it in the test", filepath.Base(file))
		}
	}
	return "", errors.New("no licence file")
}
