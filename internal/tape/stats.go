package tape

// Stats is how a tape was used.
type Stats struct {
	Mode Mode
	// Interactions is how many the cassette held when it was opened.
	Interactions int
	// Recorded, Replayed and Missed count requests; Dropped those that were answered but not recorded.
	Recorded, Replayed, Missed, Dropped int
	// Repeats is how many answers came from an interaction that had answered before.
	Repeats int
	// Drifted is how many answers of the origin departed from the recorded ones; Drifts names the first hundred.
	Drifted int
	Drifts  []Drift
	// Unused is how many interactions answered no request.
	Unused int
	// UnusedList names the first hundred of them.
	UnusedList []Unused
}

// Unused is an interaction that answered no request.
type Unused struct {
	Line        int
	ID          string
	Method, URL string
}

const maxUnusedListed = 100

// Stats counts what happened so far.
func (t *Tape) Stats() Stats {
	s := Stats{Mode: t.mode, Recorded: int(t.recorded.Load()), Replayed: int(t.replayed.Load()),
		Missed: int(t.missed.Load()), Dropped: int(t.dropped.Load())}
	s.Drifted, s.Drifts = t.drifts.list()
	if t.index == nil {
		return s
	}
	s.Repeats = t.repeats()
	s.Interactions = len(t.index.next)
	unused := t.index.unused()
	s.Unused = len(unused)
	for _, i := range unused[:min(len(unused), maxUnusedListed)] {
		u := Unused{Line: t.cassette.Line(i)}
		if x, err := t.cassette.At(i); err == nil {
			u.ID, u.Method, u.URL = x.ID, x.Request.Method, x.Request.URL
		}
		s.UnusedList = append(s.UnusedList, u)
	}
	return s
}
