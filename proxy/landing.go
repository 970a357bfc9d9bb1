package proxy

import (
	"encoding/json"
	"html"
	"net/http"
	"strings"
)

// landing answers requests to the proxy's own address: a page that says what this is, its health, and the certificate.
func (f *front) landing(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		plainError(w, http.StatusMethodNotAllowed, "this is a forward proxy: set HTTPS_PROXY to this address and call Graph by its own name")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch r.URL.Path {
	case "/":
		f.landingPage(w)
	case "/healthz":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "ok", "mode": f.w.Mode(), "enforce": f.w.enforce})
	case "/ca.pem":
		authority, err := f.authority()
		if err != nil {
			plainError(w, http.StatusInternalServerError, err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(authority.RootPEM())
	default:
		plainError(w, http.StatusNotFound, "nothing here; this is a forward proxy: set HTTPS_PROXY to this address")
	}
}

// landingText is no template of html/template: that finds methods by their names at run time, so with it the linker keeps
// every exported method of every library.
const landingText = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>graphwarden</title>
<style>body{font:1rem/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}code{font-size:.95em}</style>
<h1>graphwarden</h1>
<p>A forward proxy for Microsoft Graph. It is healthy: mode <b>{mode}</b>, enforce <b>{enforce}</b>.</p>
<p>Point a client at it with <code>HTTPS_PROXY=http://{host}</code> and let it trust <a href="/ca.pem">the certificate</a>,
or start it with <code>graphwarden run -- CMD</code>, which does both.</p>
`

func (f *front) landingPage(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	host := "127.0.0.1"
	if addr := f.own.first(); addr != "" {
		host = addr
	}
	fill := strings.NewReplacer("{mode}", html.EscapeString(f.w.Mode()), "{enforce}", html.EscapeString(string(f.w.enforce)),
		"{host}", html.EscapeString(host))
	_, _ = fill.WriteString(w, landingText)
}
