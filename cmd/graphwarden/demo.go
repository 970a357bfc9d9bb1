package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/graphwarden/graphwarden/internal/config"
	"github.com/graphwarden/graphwarden/internal/graph"
)

const demoUsage = `Usage: graphwarden demo

Shows the main job on this machine, in a few seconds and with nothing but loopback: a Graph of its own, the proxy, and a real
HTTPS client. A change is allowed and recorded, one is denied for its scope, one for its target; then the recording is
replayed with Graph shut down. Exits with 0 only if all of it went as told.

Examples:
  graphwarden demo
`

const (
	demoPath = "/beta/deviceManagement/embeddedSIMActivationCodePools/6a1b0c9e-0b1e-4c57-9d3b-2f6f0c1f7a11/assignments/e7304dcc-4dcc-e730-cc4d-30e7cc4d30e7"
	demoBody = `{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e"}}`
	demoOdd  = `{"target":{"@odata.type":"microsoft.graph.everybodyAssignmentTarget"}}`
	demoRule = "DeviceManagementConfiguration.ReadWrite.All"
)

func demoCommand() command {
	return command{name: "demo", summary: "see it work, on this machine alone", usage: demoUsage, run: runDemo}
}

func runDemo(ctx context.Context, env *Env, args []string) error {
	if _, err := env.parseOnly("demo", args, nil); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "graphwarden-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	d := &demo{env: env, paint: env.paint(env.Stdout), cassette: filepath.Join(dir, "rollout.yaml"), caDir: filepath.Join(dir, "ca")}
	if err := d.tell(ctx); err != nil {
		return err
	}
	if d.failed > 0 {
		return fmt.Errorf("%d of the demo's steps did not go as told", d.failed)
	}
	return nil
}

// demo is one telling of the story.
type demo struct {
	env             *Env
	paint           paint
	cassette, caDir string
	failed          int
}

func (d *demo) tell(ctx context.Context) error {
	live, err := d.start(ctx, config.Settings{Mode: "record", Cassette: d.cassette, Origin: "standin"})
	if err != nil {
		return err
	}
	d.say("A Graph of our own listens on %s, graphwarden on %s, recording.", live.standin.URL(), live.url())
	granted, poor := demoToken(demoRule), demoToken("DeviceManagementConfiguration.Read.All")
	recorded, err := d.patch(ctx, live, granted, demoBody)
	if err != nil {
		return err
	}
	d.check(recorded.status == 200, "a PATCH of an eSIM pool's assignment, with the scope it needs:", recorded.String())
	denied, err := d.patch(ctx, live, poor, demoBody)
	if err != nil {
		return err
	}
	d.check(denied.status == 403 && denied.names("scope.missing"), "the same PATCH with a token that may only read:", denied.String())
	odd, err := d.patch(ctx, live, granted, demoOdd)
	if err != nil {
		return err
	}
	d.check(odd.status == 403 && odd.names("target.unknown"), "a PATCH whose target is of no known type:", odd.String())
	reached := live.standin.Requests()
	d.check(reached == 1, "how many of the three reached Graph:", fmt.Sprint(reached))
	if _, err := live.stop(); err != nil {
		return err
	}
	tape, err := os.ReadFile(d.cassette)
	if err != nil {
		return fmt.Errorf("read cassette: %w", err)
	}
	secret := strings.TrimPrefix(granted, "Bearer ")
	d.check(!bytes.Contains(tape, []byte(secret)), fmt.Sprintf("the cassette, %d bytes of YAML, holds the token:", len(tape)), "no")
	replay, err := d.start(ctx, config.Settings{Mode: "replay", Cassette: d.cassette})
	if err != nil {
		return err
	}
	d.say("Graph is shut down; graphwarden replays on %s.", replay.url())
	again, err := d.patch(ctx, replay, granted, demoBody)
	if err != nil {
		return err
	}
	d.check(again.status == recorded.status && bytes.Equal(again.body, recorded.body), "the first PATCH again, byte for byte the same:", again.String())
	denied, err = d.patch(ctx, replay, poor, demoBody)
	if err != nil {
		return err
	}
	d.check(denied.status == 403, "the denied one again, judged anew:", denied.String())
	if _, err := replay.stop(); err != nil {
		return err
	}
	d.say("Now with a tool of yours:")
	d.say(`  graphwarden run --origin standin --mode record --cassette c.yaml -- curl -X PATCH -H "$(graphwarden token mint --output header)" -H 'Content-Type: application/json' -d '%s' https://graph.microsoft.com%s`, demoBody, demoPath)
	d.say("  the same line with --mode replay and without --origin answers from c.yaml")
	return nil
}

func (d *demo) start(ctx context.Context, s config.Settings) (*running, error) {
	s.CADir, s.Enforce, s.Other, s.LogLevel, s.Log = d.caDir, "deny", "tunnel", "error", "text"
	return startProxy(ctx, d.env, s, "127.0.0.1:0", &reporter{off: true}, logger(s, d.env.Stderr))
}

// patch sends the change as any client would: through the proxy, with TLS that trusts graphwarden's root alone.
func (d *demo) patch(ctx context.Context, p *running, authorization, body string) (demoAnswer, error) {
	authority, err := p.warden.CA()
	if err != nil {
		return demoAnswer{}, err
	}
	proxyURL, err := url.Parse(p.url())
	if err != nil {
		return demoAnswer{}, fmt.Errorf("parse own address: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Root())
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		Proxy: http.ProxyURL(proxyURL), TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
	}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodPatch, "https://graph.microsoft.com"+demoPath, strings.NewReader(body))
	if err != nil {
		return demoAnswer{}, fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return demoAnswer{}, fmt.Errorf("send change: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return demoAnswer{}, fmt.Errorf("read answer: %w", err)
	}
	return demoAnswer{status: resp.StatusCode, proto: resp.Proto, body: answer}, nil
}

type demoAnswer struct {
	status int
	proto  string
	body   []byte
}

// names tells whether a refusal speaks of the rule.
func (a demoAnswer) names(rule string) bool { return bytes.Contains(a.body, []byte(rule)) }

func (a demoAnswer) String() string {
	text := string(a.body)
	if v, err := graph.ParseJSON(a.body); err == nil {
		if m, ok := v.(map[string]any); ok {
			if e, ok := m["error"].(map[string]any); ok {
				text = fmt.Sprint(e["code"], ": ", e["message"])
			}
		}
	}
	return fmt.Sprintf("%d %s", a.status, text)
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.env.Stdout, format+"\n", args...) }

// check prints a step with its outcome.
func (d *demo) check(ok bool, what, outcome string) {
	mark := d.paint.green("ok  ")
	if !ok {
		mark, d.failed = d.paint.red("FAIL"), d.failed+1
	}
	d.say("%s  %s\n      %s", mark, what, outcome)
}

// demoToken is an unsigned token with one scope, such as 'graphwarden token mint' prints.
func demoToken(scope string) string {
	now := time.Now()
	return "Bearer " + graph.MintToken(map[string]any{
		"aud": "https://graph.microsoft.com", "scp": scope, "tid": "5d1a3b7c-0000-4000-8000-000000000001",
		"appid": "5d1a3b7c-0000-4000-8000-000000000002", "oid": "5d1a3b7c-0000-4000-8000-000000000003",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}, "minted")
}
