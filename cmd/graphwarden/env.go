package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const envUsage = `Usage: graphwarden env [--shell SHELL] [--proxy URL] [FLAGS]

Prints the variables that send a shell's programs through the proxy and make them trust its CA.
The first line of the output says how to put them in force. run does the same for one program. For Chromium, Chrome and
Edge, which take no certificate from the environment, --shell chromium prints flags, one a line.

Examples:
  eval "$(graphwarden env --shell bash)"
  graphwarden env --shell fish | source
  graphwarden env --shell pwsh | Out-String | Invoke-Expression
  graphwarden env --shell github            # adds them to $GITHUB_ENV
  docker run --env-file <(graphwarden env --shell docker) ...
  chromium $(graphwarden env --shell chromium) https://graph.microsoft.com/v1.0/
`

// shells are the forms to print in. chromium is none: browsers take flags, not variables.
var shells = []string{"bash", "zsh", "fish", "pwsh", "cmd", "github", "docker", "chromium"}

type envFlags struct{ shell, proxy string }

func (f *envFlags) register(fs *flag.FlagSet) {
	choiceFlag(fs, &f.shell, "shell", "", "the shell to print for (default: the one in use)", shells...)
	fs.StringVar(&f.proxy, "proxy", "", "the proxy's `URL` (default: from the listen setting)")
}

func envCommand() command {
	return command{name: "env", summary: "print the variables that send a shell through the proxy", usage: envUsage,
		local: new(envFlags).register, run: runEnv}
}

func runEnv(_ context.Context, env *Env, args []string) error {
	var f envFlags
	s, err := env.parseOnly("env", args, f.register)
	if err != nil {
		return err
	}
	if f.shell == "" {
		f.shell = currentShell(env)
	}
	if f.proxy == "" {
		if f.proxy, err = proxyURL(s.Listen); err != nil {
			return err
		}
	}
	a, err := authority(env, s)
	if err != nil {
		return err
	}
	if f.shell == "chromium" {
		flags, err := browserFlags(f.proxy, a)
		if err != nil {
			return &exitError{code: codeUsage, err: err, hint: "graphwarden env --help"}
		}
		_, err = fmt.Fprintln(env.Stdout, strings.Join(flags, "\n"))
		return err
	}
	set, err := proxyVariables(env.Environ, f.proxy, a)
	if err != nil {
		return &exitError{code: codeUsage, err: err, hint: "graphwarden env --help"}
	}
	out := env.Stdout
	if path := env.Getenv("GITHUB_ENV"); f.shell == "github" && path != "" {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("add to GITHUB_ENV: %w", err)
		}
		if err := printVariables(file, f.shell, a.Dir(), set); err != nil {
			file.Close()
			return err
		}
		return file.Close()
	}
	return printVariables(out, f.shell, a.Dir(), set)
}

// currentShell guesses by what shells leave in the environment.
func currentShell(env *Env) string {
	shell := strings.TrimSuffix(filepath.Base(env.Getenv("SHELL")), ".exe")
	switch {
	case env.Getenv("GITHUB_ENV") != "":
		return "github"
	case slices.Contains([]string{"bash", "zsh", "fish", "pwsh"}, shell):
		return shell
	case runtime.GOOS == "windows":
		return "pwsh"
	}
	return "bash" // its form is that of every POSIX shell
}

// proxyURL is the address a client on this machine reaches a listener at.
func proxyURL(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("read the listen address: %w", err)
	}
	if port == "0" {
		return "", usageError("graphwarden env --proxy URL", "listen %s leaves the port open: the proxy prints its own when it starts", listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// printVariables writes the variables in the form of the shell, with a comment that says how to use it where the form
// has comments.
func printVariables(w io.Writer, shell, caDir string, set []variable) error {
	var b strings.Builder
	form := "%s=%s\n"
	quote := func(s string) string { return s }
	switch shell {
	case "bash", "zsh":
		fmt.Fprintf(&b, "# eval \"$(graphwarden env --shell %s)\"\n", shell)
		form, quote = "export %s=%s\n", posixQuote
	case "fish":
		b.WriteString("# graphwarden env --shell fish | source\n")
		form, quote = "set -gx %s %s\n", fishQuote
	case "pwsh":
		b.WriteString("# graphwarden env --shell pwsh | Out-String | Invoke-Expression\n")
		form, quote = "${env:%s} = %s\n", pwshQuote
	case "cmd":
		b.WriteString("@rem for /f \"delims=\" %i in ('graphwarden env --shell cmd') do @%i\n")
		form = "@set \"%s=%s\"\n"
	case "docker":
		fmt.Fprintf(&b, "# docker run --network host -v %[1]s:%[1]s:ro --env-file <(graphwarden env --shell docker) IMAGE\n", caDir)
	}
	for _, v := range set {
		if strings.ContainsAny(v.value, "\r\n") {
			return fmt.Errorf("print %s: its value has a line break", v.name)
		}
		fmt.Fprintf(&b, form, v.name, quote(v.value))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
