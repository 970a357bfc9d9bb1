// Command graphwarden is a forward proxy between any tool and Microsoft Graph: it judges the requests that change
// assignments by Rego policies, records the exchange, and replays it in CI without a network.
//
// This package parses, opens files, wires the parts and prints; each command is in the file that bears its name. What
// it decides itself is in three files: commands.go which commands there are, exit.go how they end, out.go how
// they speak.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/term"
)

func main() {
	memory := startMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the context; once it has, the next one has its usual effect and ends the process.
	context.AfterFunc(ctx, stop)
	env := &Env{
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
		Dir:     ".",
		TTY:     term.IsTerminal(int(os.Stderr.Fd())),
		Settle:  memory.settle,
	}
	code := dispatch(ctx, env, os.Args[1:])
	runtime.KeepAlive(memory)
	os.Exit(code)
}
