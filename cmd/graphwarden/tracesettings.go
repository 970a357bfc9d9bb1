package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// collectorSettings are what the OTEL_EXPORTER_OTLP_ variables say of the way to the collector.
type collectorSettings struct {
	url     string
	headers map[string]string
	gzip    bool
	timeout time.Duration
	tls     *tls.Config
}

// otlp reads a variable: that of traces alone goes before that of all signals.
func otlp(env *Env, name string) string {
	for _, start := range []string{"OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"} {
		if v := strings.TrimSpace(env.Getenv(start + name)); v != "" {
			return v
		}
	}
	return ""
}

// readCollectorSettings reads the variables; the error names the one that is wrong.
func readCollectorSettings(env *Env) (collectorSettings, error) {
	s := collectorSettings{gzip: otlp(env, "COMPRESSION") == "gzip", timeout: 10 * time.Second}
	if v := otlp(env, "TIMEOUT"); v != "" {
		ms, err := strconv.Atoi(v)
		if err != nil {
			return s, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT: %q are no milliseconds", v)
		}
		s.timeout = time.Duration(ms) * time.Millisecond
	}
	var err error
	if s.headers, err = otlpHeaders(otlp(env, "HEADERS")); err != nil {
		return s, fmt.Errorf("OTEL_EXPORTER_OTLP_HEADERS: %w", err)
	}
	if s.tls, err = otlpTLS(env); err != nil {
		return s, err
	}
	u, err := otlpURL(env)
	if err != nil {
		return s, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	if u.Scheme == "http" && s.tls != nil {
		return s, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT: certificates are named, and an endpoint over plain http")
	}
	s.url = u.String()
	return s, nil
}

// otlpURL is where the traces go: the address of traces alone is taken as it is, that of all signals is the folder of theirs.
func otlpURL(env *Env) (*url.URL, error) {
	named := strings.TrimSpace(env.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
	own := named != ""
	if !own {
		named = strings.TrimSpace(env.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	}
	u, err := url.Parse(named)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("it must be a URL such as http://127.0.0.1:4318")
	}
	u = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	switch {
	case !own:
		u.Path = path.Join("/", u.Path, "v1/traces")
	case u.Path == "":
		u.Path = "/"
	}
	switch insecure := otlp(env, "INSECURE"); {
	case strings.EqualFold(insecure, "true"):
		u.Scheme = "http"
	case insecure != "":
		u.Scheme = "https"
	}
	return u, nil
}

// otlpHeaders reads name=value pairs with commas between them; values are escaped as in URLs. An error holds no value.
func otlpHeaders(list string) (map[string]string, error) {
	headers := map[string]string{}
	for pair := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(value)
		if !ok || err != nil || !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			return nil, errors.New("it must be name=value pairs with commas between them, values escaped as in URLs")
		}
		headers[name] = strings.TrimSpace(value)
	}
	return headers, nil
}

func isToken(name string) bool {
	for _, c := range []byte(name) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && !('0' <= c && c <= '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return name != ""
}

// otlpTLS is nil unless certificates are named.
func otlpTLS(env *Env) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if name := otlp(env, "CERTIFICATE"); name != "" {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: no certificate in %s", name)
		}
	}
	if certificate, key := otlp(env, "CLIENT_CERTIFICATE"), otlp(env, "CLIENT_KEY"); certificate != "" && key != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if c.RootCAs == nil && c.Certificates == nil {
		return nil, nil
	}
	return c, nil
}
