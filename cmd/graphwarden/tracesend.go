package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const (
	contentProtobuf = "application/x-protobuf"
	// maxCollectorAnswer bounds what is read of an answer.
	maxCollectorAnswer = 4 << 20
	// A batch that the collector has no time for is sent again, later and later, for this long.
	firstResend, longestResend, resendFor = 5 * time.Second, 30 * time.Second, time.Minute
)

// collector sends spans over HTTP to what the OTEL_ variables name: an otlptrace.Client. The one that OpenTelemetry brings
// links gRPC as well, and by it text/template, for which the linker has to keep every exported method of every library.
type collector struct {
	collectorSettings
	client *http.Client
	// stopped ends what is under way when the process does.
	stopped context.Context
	stop    context.CancelFunc
	resend  time.Duration // the first pause before a batch is sent again
}

func newCollector(s collectorSettings) *collector {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: s.tls, ForceAttemptHTTP2: true,
		MaxIdleConns: 2, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second}
	c := &collector{collectorSettings: s, client: &http.Client{Transport: transport, Timeout: s.timeout}, resend: firstResend}
	c.stopped, c.stop = context.WithCancel(context.Background())
	return c
}

// Start is part of otlptrace.Client.
func (c *collector) Start(ctx context.Context) error { return ctx.Err() }

// Stop is part of otlptrace.Client; it interrupts what is being sent.
func (c *collector) Stop(ctx context.Context) error {
	c.stop()
	return ctx.Err()
}

// UploadTraces is part of otlptrace.Client: it sends one batch.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.stopped, cancel)()
	body, err := c.encode(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("send traces: %w", err)
	}
	pause, until := c.resend, time.Now().Add(resendFor)
	for {
		wait, err := c.post(ctx, body)
		if err == nil {
			return nil
		}
		// Half of the pause is left to chance, so that not everybody comes back at once.
		wait = max(wait, pause/2+rand.N(pause))
		if !errors.Is(err, errBusy) || time.Now().Add(wait).After(until) {
			return fmt.Errorf("send traces: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("send traces: %w: %w", ctx.Err(), err)
		case <-time.After(wait):
		}
		pause = min(pause*3/2, longestResend)
	}
}

// errBusy marks what may go better later.
var errBusy = errors.New("the collector is busy")

// post sends a body once. After an errBusy the duration is how long the collector wants to be left alone.
func (c *collector) post(ctx context.Context, body []byte) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("User-Agent", "graphwarden/"+readBuild().Version)
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", contentProtobuf)
	if c.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := c.client.Do(r)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) && failed.Temporary() {
			err = fmt.Errorf("%w: %w", errBusy, err)
		}
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, maxCollectorAnswer))
	if err != nil {
		return 0, fmt.Errorf("read the collector's answer: %w", err)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return retryAfter(resp.Header.Get("Retry-After")), fmt.Errorf("%w: %s: %s", errBusy, resp.Status, answer)
	}
	if resp.StatusCode/100 != 2 {
		return 0, fmt.Errorf("the collector answered %s: %s", resp.Status, answer)
	}
	return 0, rejected(resp.Header.Get("Content-Type"), answer)
}

func retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return time.Until(date)
	}
	return 0
}

// encode makes the body of a request. TracesData is on the wire what a request to a collector is.
func (c *collector) encode(batch *tracepb.TracesData) ([]byte, error) {
	body, err := proto.Marshal(batch)
	if err != nil || !c.gzip {
		return body, err
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err = w.Write(body)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

// rejected tells of spans that the collector did not take although it answered with success.
func rejected(contentType string, answer []byte) error {
	if contentType != contentProtobuf {
		return nil
	}
	_, partial, err := wireField(answer, 1)
	if err != nil {
		return err
	}
	count, _, _ := wireField(partial, 1)
	_, message, err := wireField(partial, 2)
	if err != nil {
		return err
	}
	if count == 0 && len(message) == 0 {
		return nil
	}
	return fmt.Errorf("the collector rejected %d spans: %s", count, message)
}

// wireField finds a field of a message by its number: its value is either a number or bytes.
func wireField(message []byte, wanted protowire.Number) (number uint64, value []byte, err error) {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return 0, nil, fmt.Errorf("read the collector's answer: %w", protowire.ParseError(n))
		}
		size := protowire.ConsumeFieldValue(field, kind, message[n:])
		if size < 0 {
			return 0, nil, fmt.Errorf("read the collector's answer: %w", protowire.ParseError(size))
		}
		switch {
		case field != wanted:
		case kind == protowire.VarintType:
			number, _ = protowire.ConsumeVarint(message[n:])
		case kind == protowire.BytesType:
			value, _ = protowire.ConsumeBytes(message[n:])
		}
		message = message[n+size:]
	}
	return number, value, nil
}
