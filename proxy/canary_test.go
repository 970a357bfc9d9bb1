package proxy_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/graphwarden/graphwarden/proxy"
)

// lockedBuffer takes the log of many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestAFaultTellsNoSecret ends an exchange in a fault of our own: what is logged of it, stack and all, and what the client
// is told hold none of what passed.
func TestAFaultTellsNoSecret(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	var once sync.Once
	h := withOrigin(t, proxy.Settings{
		Logger:  slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observe: func(proxy.Exchange) { once.Do(func() { panic("a fault of ours") }) },
	}, ok)
	got := send(t, h.client(true), "PATCH", "https://graph.microsoft.com/v1.0/users/1?sig=planted-query", `{"password":"planted-body"}`,
		"Authorization", "Bearer planted-token", "Cookie", "a=planted-cookie")
	if got.status != 500 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if text := log.String(); !strings.Contains(text, "a fault of ours") || !strings.Contains(text, "goroutine") {
		t.Errorf("the log does not tell of the fault: %s", text)
	}
	for where, text := range map[string]string{"the log": log.String(), "the answer": got.body} {
		if i := strings.Index(text, "planted-"); i >= 0 {
			t.Errorf("%s holds …%s…", where, text[max(0, i-100):min(len(text), i+40)])
		}
	}
}
