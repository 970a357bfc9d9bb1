package proxy

import "time"

// Limits bound what one client may take. Each field's zero value means its default.
type Limits struct {
	// HeaderBytes is the most a request's head may have. A token alone may have 16 KiB.
	HeaderBytes int
	// ReadHeader is how long a client may take for the TLS greeting and for a request's head, Read for a whole request
	// (4 MiB over a slow line takes a while).
	ReadHeader, Read time.Duration
	// Write is how long an answer may take from the request on; a streamed one may go on for as long as it moves.
	Write time.Duration
	// Idle is how long a connection is kept between requests, TunnelIdle how long a tunnel may stand still.
	Idle, TunnelIdle time.Duration
	// Connections is the most clients may have open at once; one more is told so and closed.
	Connections int
	// Streams is the most requests one HTTP/2 connection may have open.
	Streams int
}

func (l Limits) orDefault() Limits {
	return Limits{
		HeaderBytes: or(l.HeaderBytes, 128<<10),
		ReadHeader:  or(l.ReadHeader, 15*time.Second),
		Read:        or(l.Read, 2*time.Minute),
		// Graph's slowest answers take about two minutes.
		Write: or(l.Write, 5*time.Minute),
		Idle:  or(l.Idle, 3*time.Minute),
		// Long polls and idle pools of real clients stay below it.
		TunnelIdle:  or(l.TunnelIdle, 15*time.Minute),
		Connections: or(l.Connections, 4096),
		Streams:     or(l.Streams, 250),
	}
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
