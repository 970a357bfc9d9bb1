package config

import "net/url"

// Entry is a setting in force, as it may be shown: without passwords.
type Entry struct {
	Name   string `json:"name"`
	Value  any    `json:"value"` // a string, a bool or a []string
	Source string `json:"source"`
}

// Entries are all settings in force, in the order of the table; none when they were not read.
func (s Settings) Entries() []Entry {
	if s.sources == nil {
		return nil
	}
	var entries []Entry
	for _, set := range Table() {
		e := Entry{Name: set.Name, Source: s.Source(set.Name)}
		switch t := set.target(&s).(type) {
		case *string:
			e.Value = *t
			if set.Secret {
				e.Value = withoutPassword(*t)
			}
		case *bool:
			e.Value = *t
		case *[]string:
			e.Value = append([]string{}, *t...)
		}
		entries = append(entries, e)
	}
	return entries
}

// withoutPassword shows a URL with its password, if any, as xxxxx.
func withoutPassword(v string) string {
	u, err := url.Parse(v)
	if err != nil {
		return "(not shown)"
	}
	return u.Redacted()
}
