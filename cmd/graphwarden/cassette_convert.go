package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/graphwarden/graphwarden/internal/tape"
)

const cassetteConvertUsage = `Usage: graphwarden cassette convert --to FORMAT [--out FILE] FILE

Writes a cassette in another format, from any of these:
  go-vcr-v1   ours, and that of go-vcr 1 and 2
  go-vcr-v2   that of go-vcr 3 and 4
  har         HTTP archive 1.2, of browsers and proxies
  azure       recordings of the Azure SDKs' test proxy
Converted back, it is what it was. What another program recorded in a HAR or an Azure recording is redacted on the way, as if it
were recorded here. Without --out the result goes to standard output.

Examples:
  graphwarden cassette convert --to go-vcr-v1 --out cassettes/portal.yaml portal.har
  graphwarden cassette convert --to har cassettes/rollout.yaml > rollout.har
`

type cassetteConvertFlags struct {
	outFlags
	to string
}

func (f *cassetteConvertFlags) register(fs *flag.FlagSet) {
	f.outFlags.register(fs)
	var formats []string
	for _, format := range tape.Formats() {
		formats = append(formats, string(format))
	}
	choiceFlag(fs, &f.to, "to", "", "the format to write", formats...)
}

func runCassetteConvert(_ context.Context, env *Env, args []string) error {
	var f cassetteConvertFlags
	_, rest, err := env.parse("cassette convert", args, f.register)
	if err != nil {
		return err
	}
	if f.to == "" || len(rest) != 1 {
		return usageError("graphwarden cassette convert --help", "cassette convert needs a format and one file: --to FORMAT FILE")
	}
	path := env.under(rest[0])
	stop := env.slow(path)
	c, from, err := tape.Import(path)
	if err != nil {
		stop()
		return err
	}
	text, err := tape.Convert(c, tape.Format(f.to))
	stop()
	if err != nil {
		return err
	}
	tellNotices(env, c)
	if from == tape.GoVCR1 || from == tape.GoVCR2 {
		if found, err := tape.Verify(path, tape.Redaction{}); err == nil && len(found) > 0 {
			note(env, "%s on %s went along", counted(len(found), "secret"), path)
			printHint(env, "graphwarden cassette scrub "+rest[0])
		}
	}
	if f.out == "" {
		_, err := env.Stdout.Write(text)
		return err
	}
	out := env.under(f.out)
	if err := f.mayWrite(out, nil); err != nil {
		return err
	}
	if err := writeWhole(out, text); err != nil {
		return fmt.Errorf("convert %s: %w", path, err)
	}
	note(env, "%s written, %s from %s", out, counted(c.Len(), "interaction"), from)
	return nil
}

// writeWhole writes a file beside its name first, so that nobody reads half of it.
func writeWhole(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+strings.TrimPrefix(filepath.Base(path), ".")+".*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
