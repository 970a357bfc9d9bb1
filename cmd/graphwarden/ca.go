package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/graphwarden/graphwarden/internal/ca"
	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/graph"
)

const caUsage = `Usage: graphwarden ca init|path|export|install|remove [FLAGS]

The private CA that lets the proxy read traffic to Graph. It is made on first use, can sign for
Graph hosts only, and nothing on this machine trusts it but the programs that run and env set up.
`

const caInitUsage = `Usage: graphwarden ca init [--force] [FLAGS]

Makes the CA. There is no need to: it is made on first use. With --force it replaces the one that is
there, which must then be trusted anew.

Examples:
  graphwarden ca init --graph-host graph.contoso.example
  graphwarden ca init --force
`

const caPathUsage = `Usage: graphwarden ca path [FLAGS]

Prints the path of the certificate to trust, a PEM file, and nothing else. Makes the CA if there is none.

Examples:
  curl --cacert "$(graphwarden ca path)" --proxy http://127.0.0.1:8080 https://graph.microsoft.com/beta/
  export NODE_EXTRA_CA_CERTS="$(graphwarden ca path)"
`

const caExportUsage = `Usage: graphwarden ca export [--format root|bundle|java] [FLAGS] [FILE]

Writes the certificate to trust to FILE, or to standard output: the root alone, a bundle of the
system's roots and it (for clients whose setting replaces what they trust), or the same as a
PKCS #12 trust store for Java (password: changeit). No key is ever exported.

Examples:
  graphwarden ca export graphwarden.pem
  graphwarden ca export --format bundle ca-bundle.pem
  graphwarden ca export --format java trust.p12
`

const caInstallUsage = `Usage: graphwarden ca install [--store system|nss|java] [FLAGS]

Makes every program on this machine that uses the store trust the CA. Prefer run and env, which
touch nothing. May ask for a password.

Examples:
  graphwarden ca install
  graphwarden ca install --store nss      # Firefox, Chromium on Linux
`

const caRemoveUsage = `Usage: graphwarden ca remove [--store system|nss|java] [FLAGS]

Takes the CA out of the store again. Its files stay.

Examples:
  graphwarden ca remove
  graphwarden ca remove --store nss
`

func caCommand() command {
	return command{name: "ca", summary: "the private CA: make, show, export, trust", usage: caUsage, subcommands: []command{
		{name: "init", summary: "make the CA", usage: caInitUsage, run: runCAInit,
			local: func(fs *flag.FlagSet) { forceFlag(fs, new(bool)) }},
		{name: "path", summary: "print the path of the certificate to trust", usage: caPathUsage, run: runCAPath},
		{name: "export", summary: "write the certificate to trust", usage: caExportUsage, run: runCAExport,
			local: func(fs *flag.FlagSet) { formatFlag(fs, new(string)) }},
		{name: "install", summary: "make the system trust the CA", usage: caInstallUsage, run: runCAInstall,
			local: func(fs *flag.FlagSet) { storeFlag(fs, new(string)) }},
		{name: "remove", summary: "undo install", usage: caRemoveUsage, run: runCARemove,
			local: func(fs *flag.FlagSet) { storeFlag(fs, new(string)) }},
	}}
}

func forceFlag(fs *flag.FlagSet, to *bool) {
	fs.BoolVar(to, "force", false, "replace the CA that is there")
}

func formatFlag(fs *flag.FlagSet, to *string) {
	choiceFlag(fs, to, "format", "root", "what to write", "root", "bundle", "java")
}

func storeFlag(fs *flag.FlagSet, to *string) {
	choiceFlag(fs, to, "store", "system", "which programs", "system", "nss", "java")
}

// authority loads the CA that the settings name, and makes it if there is none.
func authority(env *Env, s config.Settings) (*ca.Authority, error) {
	hosts, err := graph.NewHosts(s.GraphHosts...)
	if err != nil {
		return nil, &exitError{code: codeUsage, err: err}
	}
	a, created, err := ca.Ensure(s.CADir, hosts.Names())
	if errors.Is(err, ca.ErrUncovered) {
		return nil, &exitError{code: codeUsage, err: err, hint: "graphwarden ca init --force makes one for the hosts in the settings"}
	}
	if err != nil {
		return nil, err
	}
	if created {
		note(env, "made a private CA in %s, good for Graph hosts only", s.CADir)
	}
	return a, nil
}

func runCAInit(_ context.Context, env *Env, args []string) error {
	var force bool
	s, err := env.parseOnly("ca init", args, func(fs *flag.FlagSet) { forceFlag(fs, &force) })
	if err != nil {
		return err
	}
	hosts, err := graph.NewHosts(s.GraphHosts...)
	if err != nil {
		return &exitError{code: codeUsage, err: err}
	}
	a, err := ca.Init(s.CADir, hosts.Names(), force)
	if err != nil {
		return err
	}
	note(env, "made a private CA in %s, good for %d Graph hosts until %s", s.CADir, len(a.Hosts()), a.NotAfter().Format(time.DateOnly))
	_, err = fmt.Fprintln(env.Stdout, a.RootPath())
	return err
}

func runCAPath(_ context.Context, env *Env, args []string) error {
	s, err := env.parseOnly("ca path", args, nil)
	if err != nil {
		return err
	}
	a, err := authority(env, s)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, a.RootPath())
	return err
}

func runCAExport(_ context.Context, env *Env, args []string) error {
	var format string
	s, rest, err := env.parse("ca export", args, func(fs *flag.FlagSet) { formatFlag(fs, &format) })
	if err != nil {
		return err
	}
	if len(rest) > 1 {
		return usageError("graphwarden ca export --help", "ca export takes one file, not %d", len(rest))
	}
	a, err := authority(env, s)
	if err != nil {
		return err
	}
	data, err := exported(a, format)
	if err != nil {
		return err
	}
	if len(rest) == 0 || rest[0] == "-" {
		_, err = env.Stdout.Write(data)
		return err
	}
	path := rest[0]
	if !filepath.IsAbs(path) {
		path = filepath.Join(env.Dir, path)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("export the CA: %w", err)
	}
	return nil
}

// exported is the content of a file to export.
func exported(a *ca.Authority, format string) ([]byte, error) {
	of := map[string]func() (string, error){"bundle": a.BundlePath, "java": a.TrustStorePath}[format]
	if of == nil {
		return a.RootPEM(), nil
	}
	path, err := of()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("export the CA: %w", err)
	}
	return data, nil
}

func runCAInstall(ctx context.Context, env *Env, args []string) error {
	var store string
	s, err := env.parseOnly("ca install", args, func(fs *flag.FlagSet) { storeFlag(fs, &store) })
	if err != nil {
		return err
	}
	a, err := authority(env, s)
	if err != nil {
		return err
	}
	if err := ca.Install(ctx, a, ca.Store(store)); err != nil {
		return err
	}
	note(env, "the %s store trusts %s now; graphwarden ca remove --store %s undoes it", store, a.RootPath(), store)
	return nil
}

func runCARemove(ctx context.Context, env *Env, args []string) error {
	var store string
	s, err := env.parseOnly("ca remove", args, func(fs *flag.FlagSet) { storeFlag(fs, &store) })
	if err != nil {
		return err
	}
	// Not authority: one made only to be removed would leave the trusted one where it is.
	a, err := ca.Load(s.CADir)
	if err != nil {
		return err
	}
	if err := ca.Remove(ctx, a, ca.Store(store)); err != nil {
		return err
	}
	note(env, "the %s store no longer trusts %s", store, a.RootPath())
	return nil
}
