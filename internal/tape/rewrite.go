package tape

import (
	"errors"
	"fmt"
)

// Rewrite edits a cassette in its place. The file is locked meanwhile, so it fails while a recorder is at it; it is left
// alone when edit returns nil.
func Rewrite(path string, edit func(*Cassette) (*Cassette, error)) (err error) {
	held, err := openLocked(path)
	if err != nil {
		return fmt.Errorf("rewrite cassette %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, unlock(held), held.Close()) }()
	c, err := Load(path)
	if err != nil {
		return err
	}
	edited, err := edit(c)
	if err != nil || edited == nil {
		return err
	}
	return edited.Save(path)
}

// KeepVariables gives a cassette that was made of another the variables of that one.
func (c *Cassette) KeepVariables(from *Cassette) {
	if values := from.Variables(); len(values) > 0 {
		c.SetVariables(values)
	}
}
