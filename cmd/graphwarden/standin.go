package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/graphwarden/graphwarden/internal/standin"
)

const standinUsage = `Usage: graphwarden standin [FLAGS]

Runs a Microsoft Graph on this machine: TLS, HTTP/2, assignments that remember what was changed, Graph's headers and errors.
It knows every assignment route; an id it has not seen is taken to exist unless --strict. Point a proxy at it with the two
flags that it prints, or let the proxy start one itself with --origin standin.

Examples:
  graphwarden standin
  graphwarden standin --listen 127.0.0.1:8443 --strict
  graphwarden standin --as-seen intune
`

type standinFlags struct {
	listen, ca       string
	strict           bool
	asSeen, approval words
	throttle         int
}

func (f *standinFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.listen, "listen", "127.0.0.1:8443", "`ADDR` to listen on; port 0 picks a free one")
	fs.StringVar(&f.ca, "ca", "standin-ca.pem", "`FILE` to write the stand-in's certificate to")
	fs.BoolVar(&f.strict, "strict", false, "answer 404 for ids that were never seen")
	fs.Var(&f.asSeen, "as-seen", "`COLLECTION` that answers as the service is seen to, not as documented: 400 No method match route template; intune names all reported ones (repeatable)")
	fs.Var(&f.approval, "approval", "`COLLECTION` guarded by Multi Admin Approval; all guards every Intune write (repeatable)")
	fs.IntVar(&f.throttle, "throttle-every", 0, "answer every `N`th request with 429")
}

func standinCommand() command {
	return command{name: "standin", summary: "run a Graph of your own on this machine", usage: standinUsage,
		local: func(fs *flag.FlagSet) { new(standinFlags).register(fs) }, run: runStandin}
}

func runStandin(ctx context.Context, env *Env, args []string) error {
	var f standinFlags
	if _, err := env.parseOnly("standin", args, f.register); err != nil {
		return err
	}
	if f.throttle < 0 {
		return usageError("graphwarden standin --help", "--throttle-every must not be negative")
	}
	server, err := standin.Start(standin.Options{
		Addr: f.listen, Strict: f.strict, AsSeen: f.asSeen, Approval: f.approval, ThrottleEvery: f.throttle,
	})
	if err != nil {
		return fmt.Errorf("start stand-in: %w", err)
	}
	path := f.ca
	if !filepath.IsAbs(path) {
		path = filepath.Join(env.Dir, path)
	}
	if err := os.WriteFile(path, server.CAPEM(), 0o644); err != nil {
		_ = server.Close()
		return fmt.Errorf("write the stand-in's certificate: %w", err)
	}
	fmt.Fprintf(env.Stdout, "listening on %s\n", server.URL())
	printHint(env, fmt.Sprintf("graphwarden serve --origin %s --origin-ca %s", server.URL(), f.ca))
	<-ctx.Done()
	note(env, "answered %d requests", server.Requests())
	return server.Close()
}
