package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/tape"
)

const cassetteVerifyUsage = `Usage: graphwarden cassette verify [FLAGS] FILE...

Looks for secrets on cassettes: tokens, client secrets, keys and signatures, passwords, header fields that a recording does
not keep; and for people: user names and mail addresses of real domains, which --pseudonym upn keeps off a recording. Each finding names file, line, kind and place; the value itself is never printed. Exits with 6 when there is
one, with 1 when a file cannot be read.

Examples:
  graphwarden cassette verify cassettes/
  graphwarden cassette verify --output github cassettes/
  graphwarden cassette verify --allow-domain corp.example cassettes/
  graphwarden cassette verify --output sarif 'cassettes/*.yaml' > secrets.sarif
`

const cassetteScrubUsage = `Usage: graphwarden cassette scrub [FLAGS] FILE...

Takes out of cassettes what a recording would not have kept: secrets become REDACTED, a token one without signature and
identity. The files are rewritten in their place; they replay as before, since requests are compared without secrets.

Examples:
  graphwarden cassette scrub cassettes/
  graphwarden cassette scrub --field employeeNumber old.yaml
`

const cassetteRecoverUsage = `Usage: graphwarden cassette recover FILE...

Puts FILE.partial, which a killed recorder left beside its cassette, in the place of the cassette, and keeps that as FILE.old.
It holds every exchange whose answer a client has seen.

Examples:
  graphwarden cassette recover cassettes/rollout.yaml
`

// redactionFlags add to what is kept and taken out.
type redactionFlags struct{ headers, fields words }

// redactionOf is what the settings and the flags ask for.
func redactionOf(s config.Settings, headers, fields []string) (tape.Redaction, error) {
	o, err := tape.ParseRedact(s.Redact)
	if err != nil {
		return o, usageError("graphwarden cassette scrub --help", "%w", err)
	}
	o.KeepHeaders, o.Fields = headers, fields
	if len(s.Pseudonyms) == 0 && s.PseudonymKeyFile == "" {
		return o, nil
	}
	key, err := os.ReadFile(s.PseudonymKeyFile)
	if err == nil {
		o.Pseudonyms, err = tape.ParsePseudonyms(s.Pseudonyms, key)
	}
	if err != nil {
		return o, usageError("name a file of 16 bytes or more with --pseudonym-key-file", "read the pseudonyms' key: %w", err)
	}
	return o, nil
}

func (f *redactionFlags) register(fs *flag.FlagSet) {
	fs.Var(&f.headers, "keep-header", "one more header field that may stay, `NAME` (repeatable)")
	fs.Var(&f.fields, "field", "one more field whose value is a secret, `NAME`, in bodies, forms and queries (repeatable)")
}

type cassetteVerifyFlags struct {
	redactionFlags
	output  string
	domains words
}

func (f *cassetteVerifyFlags) register(fs *flag.FlagSet) {
	f.redactionFlags.register(fs)
	fs.Var(&f.domains, "allow-domain", "a domain whose user names may stand on a cassette, `NAME` (repeatable)")
	resultFlag(fs, &f.output, "junit", "sarif", "github")
}

func runCassetteVerify(ctx context.Context, env *Env, args []string) error {
	var f cassetteVerifyFlags
	s, rest, err := env.parse("cassette verify", args, f.register)
	if err != nil {
		return err
	}
	redaction, err := redactionOf(s, f.headers, f.fields)
	if err != nil {
		return err
	}
	files, err := cassetteFiles(env, "cassette verify", rest)
	if err != nil {
		return err
	}
	report := secretReport{files: files}
	// Load tells a damaged file; the notices of one that loads are told, and do not fail it.
	err = eachCassette(ctx, env, files, func(c *tape.Cassette) error {
		tellNotices(env, c)
		found, err := tape.Verify(c.Path, redaction)
		report.findings = append(report.findings, found...)
		if err != nil {
			return err
		}
		people, err := tape.VerifyPeople(c.Path, f.domains)
		report.findings = append(report.findings, people...)
		return err
	})
	if printErr := report.print(env, f.output); printErr != nil {
		return printErr
	}
	if len(report.findings) == 0 {
		if err == nil && f.output == "text" {
			note(env, "no secret on %s", counted(len(files), "cassette"))
		}
		return err
	}
	if err != nil {
		printError(env, err, "")
	}
	return &exitError{code: codeSecret, err: fmt.Errorf("%s on %s", counted(len(report.findings), "secret"), counted(report.filesHit(), "cassette")),
		hint: "graphwarden cassette scrub " + strings.Join(rest, " ") + " (for user names with --pseudonym upn); a secret that was ever pushed must be replaced as well"}
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func runCassetteScrub(ctx context.Context, env *Env, args []string) error {
	var f redactionFlags
	s, rest, err := env.parse("cassette scrub", args, f.register)
	if err != nil {
		return err
	}
	redaction, err := redactionOf(s, f.headers, f.fields)
	if err != nil {
		return err
	}
	files, err := cassetteFiles(env, "cassette scrub", rest)
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		stop := env.slow(path)
		changed := false
		err := tape.Rewrite(path, func(c *tape.Cassette) (*tape.Cassette, error) {
			var err error
			if changed, err = tape.Scrub(c, redaction); !changed {
				return nil, err
			}
			return c, err
		})
		stop()
		switch {
		case err != nil:
			errs = append(errs, err)
		case changed:
			fmt.Fprintf(env.Stdout, "scrubbed %s\n", printable(path))
		default:
			note(env, "%s holds no secret", path)
		}
	}
	return errors.Join(errs...)
}

func runCassetteRecover(_ context.Context, env *Env, args []string) error {
	_, rest, err := env.parse("cassette recover", args, nil)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return usageError("graphwarden cassette recover FILE", "cassette recover needs a cassette")
	}
	var errs []error
	for _, arg := range rest {
		// The one who was told of FILE.partial may well name that.
		path := strings.TrimSuffix(env.under(arg), filepath.Ext(tape.PartialPath("")))
		c, err := tape.Recover(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		tellNotices(env, c)
		fmt.Fprintf(env.Stdout, "recovered %s: %s\n", printable(path), counted(c.Len(), "interaction"))
	}
	return errors.Join(errs...)
}
