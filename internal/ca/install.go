package ca

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/smallstep/truststore"
)

// Store is a place that holds roots for many programs at once.
type Store string

// The stores Install and Remove know.
const (
	StoreSystem Store = "system" // what the operating system's own programs trust
	StoreNSS    Store = "nss"    // Firefox and, on Linux, Chromium; needs certutil
	StoreJava   Store = "java"   // the cacerts file of JAVA_HOME; needs keytool
)

// Install makes the stores (StoreSystem when none is named) trust the authority's root. It runs the system's own tools,
// with sudo where there is one, which may ask for a password. The error names the command to run by hand.
func Install(ctx context.Context, a *Authority, stores ...Store) error {
	return each(ctx, a, stores, "install the CA in", func(opts ...truststore.Option) error {
		return truststore.InstallFile(a.RootPath(), opts...)
	})
}

// Remove takes the authority's root out of the stores (StoreSystem when none is named). One that is not there is not
// an error.
func Remove(ctx context.Context, a *Authority, stores ...Store) error {
	return each(ctx, a, stores, "remove the CA from", func(opts ...truststore.Option) error {
		err := truststore.UninstallFile(a.RootPath(), opts...)
		if errors.Is(err, truststore.ErrNotFound) {
			return nil
		}
		return err
	})
}

func each(ctx context.Context, a *Authority, stores []Store, doing string, do func(...truststore.Option) error) error {
	if len(stores) == 0 {
		stores = []Store{StoreSystem}
	}
	for _, s := range stores {
		// The tools cannot be interrupted half-way without leaving a store in an unknown state.
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s the %s store: %w", doing, s, err)
		}
		opts, err := s.options()
		if err == nil {
			err = do(opts...)
		}
		if err != nil {
			return fmt.Errorf("%s the %s store: %w", doing, s, a.explain(err))
		}
	}
	return nil
}

// options selects the one store. What the library would pass over in silence, such as a missing tool, is an error.
func (s Store) options() ([]truststore.Option, error) {
	var trust truststore.Trust
	switch s {
	case StoreSystem:
		return nil, nil
	case StoreNSS:
		nss, err := truststore.NewNSSTrust()
		if err != nil {
			return nil, fmt.Errorf("find an NSS database and certutil (%s): %w", strings.ReplaceAll(truststore.CertutilInstallHelp, `"`, ""), err)
		}
		trust = nss
	case StoreJava:
		java, err := truststore.NewJavaTrust()
		if err != nil {
			return nil, fmt.Errorf("find keytool (JAVA_HOME names the JDK): %w", err)
		}
		trust = java
	default:
		return nil, fmt.Errorf("unknown store (want %s, %s or %s)", StoreSystem, StoreNSS, StoreJava)
	}
	if err := trust.PreCheck(); err != nil {
		return nil, err
	}
	return []truststore.Option{truststore.WithTrust(trust), truststore.WithNoSystem()}, nil
}

// explain adds to a failed command what it said and how to do the same by hand.
func (a *Authority) explain(err error) error {
	failed, ok := errors.AsType[*truststore.CmdError](err)
	if !ok {
		return err
	}
	said := strings.TrimSpace(string(failed.Out()))
	if said == "" {
		said = failed.Err().Error()
	}
	args := failed.Cmd().Args
	hint := strings.Join(args, " ")
	if i := slices.Index(args, "tee"); i >= 0 {
		// The library feeds the certificate through a pipe; by hand a copy is plainer.
		hint = "cp " + a.RootPath() + " " + args[len(args)-1] + ", then update-ca-certificates (Debian, SUSE) or update-ca-trust (Fedora)"
	}
	return fmt.Errorf("%w: %s; with administrator rights, run: %s", err, said, hint)
}
