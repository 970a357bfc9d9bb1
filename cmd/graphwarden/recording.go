package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/proxy"
)

// recordingSettings fills in what of the settings has another form in the proxy's.
func recordingSettings(to *proxy.Settings, s config.Settings) (err error) {
	if s.PseudonymKeyFile != "" {
		if to.PseudonymKey, err = os.ReadFile(s.PseudonymKeyFile); err != nil {
			return &exitError{code: codeUsage, err: fmt.Errorf("read the pseudonyms' key: %w", err)}
		}
	}
	// These were checked with the settings.
	if s.MaxAge != "" {
		to.MaxAge, _ = config.ParseAge(s.MaxAge)
	}
	to.FaultSeed, _ = strconv.ParseUint(s.FaultSeed, 10, 64)
	for _, pair := range s.Variables {
		name, value, _ := strings.Cut(pair, "=")
		if to.Variables == nil {
			to.Variables = map[string]string{}
		}
		to.Variables[name] = value
	}
	return nil
}

// drifted tells whether more answers differ from the recorded ones than may.
func drifted(s config.Settings, sum proxy.Summary) bool {
	allowed, _ := strconv.Atoi(s.DriftThreshold) // checked with the settings
	return sum.Drifted > allowed
}

// sessionEnvironment gives a command the variables of its recording, and in a replay the time at which that was made. The
// names are prefixed: a cassette is data, and must not set PATH.
func sessionEnvironment(sessions []proxy.Session) []string {
	var environ []string
	if len(sessions) == 0 || sessions[0].Name != "" {
		return nil
	}
	s := sessions[0]
	for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && !strings.Contains(s.Variables[name], "\x00") {
			environ = append(environ, "GRAPHWARDEN_VARIABLE_"+name+"="+s.Variables[name])
		}
	}
	if s.Mode == "replay" && !s.RecordedAt.IsZero() {
		environ = append(environ, "GRAPHWARDEN_RECORDED_AT="+s.RecordedAt.UTC().Format(time.RFC3339Nano))
	}
	return environ
}
