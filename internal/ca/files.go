package ca

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// The files of an authority. The first is the authority; the others are made from it and can be made again.
const (
	stateFile  = "authority.pem"
	rootFile   = "ca.pem"
	bundleFile = "bundle.pem"
	storeFile  = "truststore.p12"
)

// maxState bounds what is read as an authority, which is some 3 KB long.
const maxState = 64 << 10

func readState(dir string) ([]byte, error) {
	path := filepath.Join(dir, stateFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no CA in %s: run `graphwarden ca init`: %w", dir, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("load the CA: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("load the CA: %w", err)
	}
	// Reading by the group is left alone: it is how mounted secrets reach a process that is not root. Windows has
	// no such bits; there the file inherits the protection of the user's profile.
	if perm := info.Mode().Perm(); runtime.GOOS != "windows" && perm&0o037 != 0 {
		return nil, fmt.Errorf("load the CA: others can reach its key (mode %04o): run `chmod 600 %s`", perm, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("load the CA: %w", err)
	}
	if len(data) > maxState {
		return nil, fmt.Errorf("load the CA: %s is longer than %d bytes and cannot be one", path, maxState)
	}
	return data, nil
}

// publish puts an authority in place, whole or not at all, and tells whether it is the one that stays: without replace
// the first of several racing processes wins.
func publish(dir string, state []byte, replace bool) (bool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, fmt.Errorf("make the CA's folder: %w", err)
	}
	tmp, err := writeTemp(dir, state, 0o600)
	if err != nil {
		return false, fmt.Errorf("write the CA: %w", err)
	}
	defer os.Remove(tmp)
	final := filepath.Join(dir, stateFile)
	if !replace {
		// A hard link, unlike a rename, fails when the name is taken.
		err = os.Link(tmp, final)
		if err == nil {
			return true, nil
		}
		if _, statErr := os.Lstat(final); statErr == nil {
			return false, nil
		}
		// Some file systems have no hard links. There a rename has to do; its race is a matter of microseconds.
	}
	if err := os.Rename(tmp, final); err != nil {
		return false, fmt.Errorf("write the CA: %w", err)
	}
	return true, nil
}

// writeIfChanged replaces the file at path unless it holds data already. Readers see the old file or the new one.
func writeIfChanged(path string, data []byte, mode fs.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	tmp, err := writeTemp(filepath.Dir(path), data, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return err
	}
	return nil
}

func writeTemp(dir string, data []byte, mode fs.FileMode) (string, error) {
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil && mode != 0o600 {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
