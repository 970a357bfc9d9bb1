package tape

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// writeAtomically writes the file beside path first, synced, and renames it then.
func writeAtomically(path string, data []byte) error {
	finished, err := writeBeside(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	return renameTo(path, finished)
}

// writeBeside writes a file beside path, synced, and gives its name.
func writeBeside(path string, write func(io.Writer) error) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return "", err
	}
	if err = errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// renameTo gives the file its place, or removes it.
func renameTo(path, finished string) error {
	err := os.Rename(finished, path)
	if err != nil {
		os.Remove(finished)
	}
	return err
}
