package tape

import "fmt"

// Resolve is the mode that Open will be in for a cassette: Auto becomes Replay or Record by whether there is one. A caller
// needs to know before it makes an origin, which a replay must not have.
func Resolve(mode Mode, cassette string) (Mode, error) {
	if mode == Live {
		return Live, nil
	}
	missing, err := absent(cassette)
	if err != nil {
		return "", fmt.Errorf("open cassette: %w", err)
	}
	switch {
	case mode == Auto && !missing:
		return Replay, nil
	case mode == Auto, mode == New && missing:
		return Record, nil
	}
	return mode, nil
}

// Typical is the first interaction that has a token. A request that was never recorded, because it was denied, is judged
// by it in a replay where the client's own token cannot be read.
func (t *Tape) Typical() (Recorded, bool) {
	if t.cassette == nil {
		return Recorded{}, false
	}
	t.typical.Do(func() {
		for i := range t.cassette.items {
			x, err := t.cassette.At(i)
			if err == nil && x.Request.Headers.Get("Authorization") != "" {
				t.typicalRecorded = Recorded{ID: x.ID, Sequence: x.Sequence, Time: x.RecordedAt,
					Authorization: x.Request.Headers.Get("Authorization"), Verdict: x.Verdict}
				return
			}
		}
	})
	return t.typicalRecorded, t.typicalRecorded.Authorization != ""
}
