package tape

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Keys of a cassette's head: who answers for it, a day after which it no longer counts, and the day on which it was
// recorded again and found unchanged.
const (
	ownerKey   = "owner"
	expiresKey = "expires"
	renewedKey = "renewed"
)

const day = 24 * time.Hour

// ParseAge reads an age: a number with d or w for days or weeks, or a duration; empty means none.
func ParseAge(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	for unit, length := range map[string]time.Duration{"d": day, "w": 7 * day} {
		if number, ok := strings.CutSuffix(s, unit); ok {
			if n, err := strconv.Atoi(number); err == nil && n > 0 && n < 100000 {
				return time.Duration(n) * length, nil
			}
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("unknown age %q: use days such as 30d, weeks such as 4w, or a duration such as 36h", s)
	}
	return d, nil
}

// Owner is who answers for the cassette; empty if it does not tell.
func (c *Cassette) Owner() string {
	_, owner, _ := takeHead(c.head, ownerKey)
	return owner
}

// asOf is the time as of which the cassette is known to be true: when it was recorded, or recorded again and found
// unchanged; zero if it does not tell.
func (c *Cassette) asOf() time.Time {
	at := c.RecordedAt()
	if _, text, ok := takeHead(c.head, renewedKey); ok {
		if again, err := time.Parse(time.DateOnly, text); err == nil && again.After(at) {
			return again
		}
	}
	return at
}

// expired tells why a cassette is too old, nil if it is not.
func (c *Cassette) expired(now time.Time, most time.Duration) error {
	owner := ""
	if name := c.Owner(); name != "" {
		owner = ", owner " + name
	}
	if _, text, ok := takeHead(c.head, expiresKey); ok {
		until, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return fmt.Errorf("expires: %q is not a date such as 2027-01-31%s", text, owner)
		}
		if !now.Before(until.Add(day)) {
			return fmt.Errorf("it expired on %s, %s ago%s: record it again", text, days(now.Sub(until)), owner)
		}
	}
	at := c.asOf()
	switch age := now.Sub(at); {
	case most <= 0:
		return nil
	case at.IsZero():
		return fmt.Errorf("it does not tell when it was recorded%s, and may be no older than %s: record it again", owner, days(most))
	case age > most:
		return fmt.Errorf("it is %s old (as of %s%s), and may be no older than %s: record it again, under the same --max-age",
			days(age), at.Format(time.DateOnly), owner, days(most))
	}
	return nil
}

func days(d time.Duration) string {
	switch n := int(d / day); {
	case n >= 2:
		return strconv.Itoa(n) + " days"
	case n == 1:
		return "1 day"
	}
	return d.Round(time.Minute).String()
}

// checkAge fails, or warns, for a cassette that is too old. It never leads to a request to the origin.
func (t *Tape) checkAge() error {
	err := t.cassette.expired(t.options.Now(), t.options.MaxAge)
	if err != nil && t.options.MaxAgeWarn {
		t.log.Warn("cassette", "path", t.options.Cassette, "notice", err.Error())
		return nil
	}
	return err
}

// keptHead is the head of a new recording with what the old one says of itself. With a maximal age it tells the day.
func keptHead(fresh, old []byte, now time.Time, most time.Duration) []byte {
	for _, key := range []string{ownerKey, renewedKey} {
		_, _, has := takeHead(fresh, key)
		if _, text, ok := takeHead(old, key); ok && !has {
			fresh = putHead(fresh, key, []byte(text))
		}
	}
	if most > 0 {
		fresh = putHead(fresh, renewedKey, []byte(now.UTC().Format(time.DateOnly)))
	}
	return fresh
}
