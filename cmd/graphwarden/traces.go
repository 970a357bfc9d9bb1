package main

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/graphwarden/graphwarden/proxy"
)

// traces sends a span for each exchange to an OpenTelemetry collector.
type traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// startTraces begins to trace where the standard variables name a collector (OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT); elsewhere it returns nil. OpenTelemetry's own code reads the variables that are not
// about the way there.
func startTraces(ctx context.Context, env *Env, log *slog.Logger) (*traces, error) {
	named := env.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || env.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	if !named || env.Getenv("OTEL_SDK_DISABLED") == "true" || env.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err) }))
	way, err := readCollectorSettings(env)
	if err != nil {
		return nil, fmt.Errorf("start traces: %w", err)
	}
	exporter, err := otlptrace.New(ctx, newCollector(way))
	if err != nil {
		return nil, fmt.Errorf("start traces: %w", err)
	}
	service, err := resource.Merge(
		resource.NewSchemaless(attribute.String("service.name", "graphwarden"), attribute.String("service.version", readBuild().Version)),
		resource.Environment())
	if err != nil {
		return nil, fmt.Errorf("start traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(service))
	return &traces{provider: provider, tracer: provider.Tracer("graphwarden")}, nil
}

// exchange sends one span, a child of the client's own where the request carried a W3C trace context. That context goes on
// to Graph as the client sent it.
func (t *traces) exchange(e proxy.Exchange) {
	parent, state := e.TraceContext()
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent, "tracestate": state})
	_, span := t.tracer.Start(ctx, e.Method+" "+e.Resource, trace.WithTimestamp(e.Time), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(
			attribute.String("http.request.method", e.Method), attribute.String("server.address", e.Host),
			attribute.String("url.path", e.Path), attribute.Int("http.response.status_code", e.Status),
			attribute.String("graphwarden.id", e.ID), attribute.String("graphwarden.operation", e.Operation),
			attribute.String("graphwarden.verdict", e.Verdict), attribute.String("graphwarden.source", string(e.Source)),
			attribute.Int64("graphwarden.judged_us", e.Judged.Microseconds()),
			attribute.Int64("graphwarden.answered_us", e.Answered.Microseconds()),
		))
	for _, v := range e.Violations {
		span.AddEvent("violation", trace.WithTimestamp(e.Time), trace.WithAttributes(
			attribute.String("graphwarden.rule", v.ID), attribute.String("graphwarden.level", v.Level)))
	}
	if e.Refusal != "" {
		span.SetStatus(codes.Error, e.Refusal)
	}
	span.End(trace.WithTimestamp(e.Time.Add(e.Duration)))
}

// close sends what is still waiting.
func (t *traces) close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send traces: %w", err)
	}
	return nil
}
