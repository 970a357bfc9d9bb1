//go:build unix

package console_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/graphwarden/graphwarden/internal/console"
)

// hostile are texts that run as a program wherever a page is careless. Each calls owned() or opens a dialog.
var hostile = []string{
	`<script>owned()</script>`,
	`"><script>owned()</script>`,
	`</script><script>owned()</script>`,
	`<img src=x onerror=owned()>`,
	`"><img src=x onerror="owned()">`,
	`'><svg onload=owned()>`,
	`<svg><script>owned()</script></svg>`,
	`<svg><animate onbegin=owned() attributeName=x dur=1s>`,
	`<iframe srcdoc="<script>parent.owned()</script>"></iframe>`,
	`<iframe src="javascript:parent.owned()"></iframe>`,
	`<a href="javascript:owned()" autofocus onfocus=owned() tabindex=1>x</a>`,
	`<details open ontoggle=owned()>`,
	`<video><source onerror=owned()></video>`,
	`<body onload=owned()>`,
	`<style>@import "https://evil.example/x.css";*{background:url(https://evil.example/x)}</style>`,
	`<link rel=stylesheet href=https://evil.example/x.css>`,
	`<meta http-equiv=refresh content="0;url=https://evil.example/">`,
	`<base href=https://evil.example/>`,
	`<form action=https://evil.example/><input autofocus onfocus=owned()>`,
	`<math><mtext><table><mglyph><style><!--</style><img src onerror=owned()>`,
	`<template><img src=x onerror=owned()></template>`,
	`<noscript><p title="</noscript><img src=x onerror=owned()>">`,
	`javascript:owned()`,
	`data:text/html,<script>owned()</script>`,
	`${owned()}`, `{{constructor.constructor('owned()')()}}`, `<%= owned() %>`,
	`';owned();//`, `";owned();//`, "`;owned();//", `\u003cimg src=x onerror=owned()\u003e`, `&lt;img src=x onerror=owned()&gt;`,
	"event: exchange\ndata: {}\n\n", "\r\n\r\n<script>owned()</script>", "\u2028owned()\u2029", "\u202etxt.exe", "\x00<script>owned()</script>",
	`__proto__`, `constructor`, `toString`, `#token=stolen`, `../../../healthz`, `"]; owned(); [data-x="`,
}

// poison puts a text wherever an exchange holds text.
func poison(n int, text string) (console.Exchange, console.Detail) {
	e := exchange(n, func(e *console.Exchange) {
		e.ID, e.Session, e.Method, e.Host, e.Path, e.Resource = text+fmt.Sprint(n), text, text, text, "/beta/"+text, text
		e.Targets, e.Message, e.Status = []string{text}, text, 403
		e.Verdict, e.Enforced, e.Source = "deny", true, "proxy"
		e.Violations = []console.Violation{{ID: text, Level: "deny", Message: text, Pointer: "/request/" + text, Fix: text, Package: text, Location: text}}
	})
	d := detail()
	d.Target = text
	m := console.Message{Headers: []console.Header{{Name: text, Value: text}}, Body: text, Bytes: int64(len(text))}
	d.Request, d.Response = m, m
	d.Response.Body = `{"a":` + fmt.Sprintf("%q", text) + `}`
	d.Form.Route, d.Form.Kind, d.Form.Resource, d.Form.Path, d.Form.IDs, d.Form.Targets = text, text, text, text, map[string]string{text: text}, []string{text}
	d.Form.Token.Scopes, d.Form.Token.Audience, d.Form.Token.Tenant = []string{text}, text, text
	d.Form.Input = []byte("{\n  \"request\": {\n    \"x\": 1,\n    \"y\": \"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\x00", `\u0000`).Replace(text) + "\"\n  }\n}")
	part := *d.Form
	part.Batch = text
	d.Parts = []console.Form{part}
	d.Miss = &console.Miss{Cassette: text, Nearest: []console.Nearest{{ID: text, Method: text, URL: text, Diffs: []console.Diff{{Part: text, Pointer: text, Recorded: text, Sent: text}}}}}
	return e, d
}

// TestHostileText shows each text in every place of every view: it is read, and nothing else happens.
func TestHostileText(t *testing.T) {
	s := serve(t, console.Options{Write: true})
	s.fake.cassette.UnusedList, s.fake.sessions, s.fake.tests = nil, nil, console.Tests{}
	for n, text := range hostile {
		s.fake.policy.Rules = append(s.fake.policy.Rules, console.Rule{ID: text, Title: text, Description: text + text, Level: "deny", Default: "warn", SetBy: text, Location: text,
			Parameters: []console.Parameter{{Name: text, Description: text, Value: text}}})
		s.fake.cassette.UnusedList = append(s.fake.cassette.UnusedList, console.Unused{ID: text, Line: n, Method: text, URL: text})
		s.fake.sessions = append(s.fake.sessions, console.Session{Name: text, Mode: text, Cassette: text, Verdict: text, Fault: text,
			Misses: []string{text}, UnusedList: []string{text}, DriftList: []string{text}, Variables: map[string]string{text: text}})
		s.fake.tests.Results = append(s.fake.tests.Results, console.TestResult{Package: text, Name: text, Location: text, Outcome: "failed", Error: text})
		s.fake.tests.Files = append(s.fake.tests.Files, console.FileCoverage{File: text, Uncovered: []int{n}})
	}
	b := startBrowser(t)
	b.size(1360, 900, false)
	b.must("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": "window.owned = () => { window.wasOwned = (window.wasOwned || 0) + 1 }"}, nil)
	b.visit(s.http.URL + "/#token=" + s.Token())
	b.until(`document.getElementById("live").className === "live on"`)
	var ids []string
	for n, text := range hostile {
		e, d := poison(n, text)
		s.Observe(e) // through the stream
		s.Attach(e.ID, d)
		ids = append(ids, e.ID)
	}
	b.until(fmt.Sprintf(`document.querySelectorAll(".row").length === %d`, len(hostile)))
	for n := range ids {
		// The rows are the latest first.
		b.eval(fmt.Sprintf(`document.querySelectorAll(".row")[%d].click()`, len(ids)-1-n))
		b.until(`document.getElementById("detail").innerText.includes("Token claims")`)
		b.eval(`for (const d of document.querySelectorAll("#detail details")) d.open = true`)
		b.until(`document.querySelectorAll("#detail details pre").length >= 4`)
		b.eval(`for (const button of document.querySelectorAll("#detail .why button")) button.click()`)
	}
	b.shoot("hostile")
	if turned := b.eval(`/[\u202e\u2028\u0000]/.test(document.body.innerText)`); turned != false {
		t.Error("a character that turns text around is shown as it is")
	}
	if told := b.eval(`document.body.innerText.includes("⟨U+202E⟩txt.exe")`); told != true {
		t.Error("a character that turns text around is not told")
	}
	for _, view := range []string{"cassette", "policies", "health", "exchanges"} {
		b.eval(`location.hash = "#/` + view + `"`)
		b.until(`!document.getElementById("view-` + view + `").hidden`)
		switch view {
		case "cassette":
			b.until(fmt.Sprintf(`document.querySelectorAll("#view-cassette .acts").length === %d`, len(hostile)))
		case "policies":
			b.until(fmt.Sprintf(`document.querySelectorAll("#tests .why").length === %d`, len(hostile)))
		}
	}
	b.eval(`document.getElementById("search").focus()`)
	b.eval(`location.reload()`) // and once more, through the list
	b.until(fmt.Sprintf(`document.querySelectorAll(".row").length === %d`, len(hostile)))
	if n := b.eval(`window.wasOwned || 0`); n != 0.0 {
		t.Errorf("hostile text ran %v times", n)
	}
	odd := b.eval(`[...document.querySelectorAll("script, img, svg, iframe, video, style, link, base, meta, form, template, [onerror], [onload], [onfocus], [href^='javascript:']")]
		.map((n) => n.outerHTML).filter((h) => !/console\.(js|css)|icon\.svg|charset|viewport|color-scheme|id="(tools|sign-in)"|method="dialog"/.test(h))`)
	if list, ok := odd.([]any); !ok || len(list) > 0 {
		t.Errorf("hostile text became elements: %v", odd)
	}
	if at := b.eval(`location.origin`); at != s.http.URL {
		t.Errorf("the page went to %v", at)
	}
	if token := b.eval(`sessionStorage.getItem("token")`); token != s.Token() {
		t.Errorf("the token was replaced by %v", token)
	}
	b.clean(s)
}

// TestForeignPage lets a page of another origin, which even knows the token, try to read.
func TestForeignPage(t *testing.T) {
	s, other := serve(t, console.Options{Write: true}), serve(t, console.Options{})
	s.Observe(exchange(1, nil))
	b := startBrowser(t)
	b.visit(other.http.URL + "/healthz") // a page of another origin, as another port is
	b.until(`document.readyState === "complete" && location.pathname === "/healthz"`)
	// The policy of that page forbids to call others, so the browser is told to let it: ours must hold by itself.
	b.must("Page.setBypassCSP", map[string]any{"enabled": true}, nil)
	b.visit(other.http.URL + "/healthz?again")
	b.until(`document.readyState === "complete" && location.search === "?again"`)
	for _, attempt := range []string{
		`fetch(URL + "/api/v1/exchanges", {headers: {Authorization: "Bearer TOKEN"}}).then((r) => r.text())`,
		`fetch(URL + "/api/v1/exchanges", {mode: "no-cors"}).then((r) => r.text())`,
		`fetch(URL + "/healthz").then((r) => r.text())`,
		`fetch(URL + "/api/v1/policy/reload", {method: "POST", mode: "no-cors"}).then((r) => r.text())`,
		`new Promise((done) => { const i = new Image(); i.onload = () => done("loaded"); i.onerror = () => done(""); i.src = URL + "/page/icon.svg"; })`,
	} {
		attempt = strings.NewReplacer("URL", `"`+s.http.URL+`"`, "TOKEN", s.Token()).Replace(attempt)
		if got := b.eval(`(` + attempt + `).catch(() => "")`); got != "" {
			t.Errorf("%s got %q", attempt, got)
		}
	}
	if n := s.fake.reloads.Load(); n != 0 {
		t.Error("a page of another origin reloaded the policies")
	}
	// Its twin: the same question from our own page is answered.
	b.visit(s.http.URL + "/healthz")
	b.until(`location.origin === "` + s.http.URL + `" && document.readyState === "complete"`)
	if got := b.eval(`fetch("/healthz").then((r) => r.text())`); got != "{\"status\":\"ok\"}\n" {
		t.Errorf("our own page got %q", got)
	}
}
