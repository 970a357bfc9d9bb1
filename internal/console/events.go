package console

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

const (
	// beat is how often a quiet stream shows that it lives.
	beat = 15 * time.Second
	// patience is how long a reader may take for one write.
	patience = 10 * time.Second
	// perWrite is the most exchanges sent in one go.
	perWrite = 256
)

// events streams the exchanges as they finish: server-sent events named exchange, with the exchange's number as their id,
// and dropped with the count of those a reader was too slow or too late for. With Last-Event-ID the stream goes on
// behind that number, else it begins with what is new.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		fail(w, http.StatusServiceUnavailable, "too_many_streams", "too many streams are open: close one")
		return
	}
	next := s.kept.last() + 1
	if v := r.Header.Get("Last-Event-ID"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			fail(w, http.StatusBadRequest, "bad_parameter", "Last-Event-ID is the seq of an exchange")
			return
		}
		// A number from before a restart is ahead of ours.
		next = min(n+1, next)
	}
	wake, leave := s.kept.follow()
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	out := stream{w, http.NewResponseController(w)}
	if !out.send([]byte(": hello\n\n")) {
		return
	}
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		for {
			lines, dropped := s.kept.since(next, perWrite)
			if len(lines) == 0 && dropped == 0 {
				break
			}
			next += dropped + uint64(len(lines))
			if !out.send(encode(lines, dropped)) {
				return
			}
		}
		select {
		case <-wake:
		case <-ticker.C:
			if !out.send([]byte(": alive\n\n")) {
				return
			}
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		}
	}
}

// encode writes events. A line of JSON holds no line break, so that each is one data field.
func encode(lines []line, dropped uint64) []byte {
	var b bytes.Buffer
	if dropped > 0 {
		b.WriteString("event: dropped\ndata: {\"count\":" + strconv.FormatUint(dropped, 10) + "}\n\n")
	}
	for _, l := range lines {
		b.WriteString("event: exchange\nid: " + strconv.FormatUint(l.seq, 10) + "\ndata: ")
		b.Write(l.text)
		b.WriteString("\n\n")
	}
	return b.Bytes()
}

// stream writes whole events, each within the reader's patience.
type stream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func (s stream) send(b []byte) bool {
	_ = s.c.SetWriteDeadline(time.Now().Add(patience))
	if _, err := s.w.Write(b); err != nil {
		return false
	}
	return s.c.Flush() == nil
}
