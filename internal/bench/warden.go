package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/bench/lean"
	"github.com/graphwarden/graphwarden/internal/graph"
	"github.com/graphwarden/graphwarden/internal/tape"
	"github.com/graphwarden/graphwarden/proxy"
)

// runWarden is graphwarden's own chain inside this program, so that it can be profiled: the product has no door for that.
func runWarden(args []string) error {
	f := flag.NewFlagSet("warden", flag.ContinueOnError)
	var s proxy.Settings
	f.StringVar(&s.Mode, "mode", "", "")
	f.StringVar(&s.Cassette, "cassette", "", "")
	f.StringVar((*string)(&s.Enforce), "enforce", "", "")
	f.StringVar(&s.Origin, "origin", "", "")
	f.StringVar(&s.OriginCA, "origin-ca", "", "")
	f.StringVar(&s.CADir, "ca-dir", "", "")
	f.StringVar(&s.Repeat, "repeat", "", "")
	f.Func("policy", "", func(v string) error { s.Policy = append(s.Policy, v); return nil })
	profile := f.String("profile", "", "start of the names of the profiles' files")
	if err := f.Parse(args); err != nil {
		return err
	}
	s.UpstreamProxy = "none"
	w, err := proxy.Open(context.Background(), s)
	if err != nil {
		return err
	}
	defer w.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = w.Serve(l) }()
	ready(l)
	return writeProfiles(*profile)
}

// token is what every request carries: the claims of a script's token as Entra makes it, unsigned.
func token() string {
	now := time.Now()
	return graph.MintToken(map[string]any{
		"aud": "https://graph.microsoft.com", "iss": "https://sts.windows.net/5d1a3b7c-0000-4000-8000-000000000001/",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(12 * time.Hour).Unix(), "acct": 0, "acr": "1", "aio": "AVQAq/8VAAAAbench",
		"amr": []any{"pwd", "mfa"}, "app_displayname": "Rollout", "appid": "5d1a3b7c-0000-4000-8000-000000000002", "appidacr": "0",
		"family_name": "Doe", "given_name": "Jo", "idtyp": "user", "ipaddr": "192.0.2.7", "name": "Jo Doe",
		"oid": "5d1a3b7c-0000-4000-8000-000000000003", "platf": "14", "puid": "1003200000000000", "rh": "0.AAAAbench.",
		"scp": "DeviceManagementConfiguration.ReadWrite.All Group.Read.All User.Read openid profile email",
		"sub": "bench", "tenant_region_scope": "EU", "tid": "5d1a3b7c-0000-4000-8000-000000000001", "unique_name": "jo@contoso.example",
		"upn": "jo@contoso.example", "uti": "bench", "ver": "1.0", "wids": []any{"3a2c62db-5318-420d-8d74-23affee5d9d5"}, "xms_tcdt": 1600000000,
	}, "minted")
}

// writeCassette records n exchanges of the bench's own onto a cassette, through the tape itself.
func writeCassette(path, token string, n int) error {
	t, err := tape.Open(tape.Options{Mode: tape.Record, Cassette: path, Origin: roundTripper(cannedAnswer)})
	if err != nil {
		return err
	}
	header := http.Header{}
	for pairs := lean.RequestHeader(token); len(pairs) > 0; pairs = pairs[2:] {
		header.Set(pairs[0], pairs[1])
	}
	for i := range n {
		r, err := http.NewRequest(http.MethodPatch, "https://"+lean.Host+lean.Target(i, false), strings.NewReader(lean.Body))
		if err != nil {
			return err
		}
		r.Header, r.RequestURI = header, r.URL.RequestURI()
		if _, err := t.RoundTrip(r); err != nil {
			return fmt.Errorf("record exchange %d: %w", i, err)
		}
	}
	return t.Close()
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func cannedAnswer(r *http.Request) (*http.Response, error) {
	h := http.Header{}
	for i := 0; i < len(lean.AnswerHeader); i += 2 {
		h.Set(lean.AnswerHeader[i], lean.AnswerHeader[i+1])
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: r,
		ContentLength: int64(len(lean.Answer)), Body: io.NopCloser(strings.NewReader(lean.Answer)),
	}, nil
}
