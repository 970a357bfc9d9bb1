package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// contentPolicy lets the page load its own three files and call its own API, and nothing else: no inline script or style,
// no other origin, no frame, no form, and no string that becomes markup.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// guarded is what every answer goes through: the fields that keep browsers from being clever, then the checks that keep
// pages of other origins out. The token is checked by the routes, since health needs none.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store")
		switch {
		case !s.knownHost(r.Host):
			fail(w, http.StatusMisdirectedRequest, "unknown_host", "this server is called by an address, localhost, or the name given with --admin")
		case !sameOrigin(r):
			fail(w, http.StatusForbidden, "foreign_origin", "pages of other origins get nothing here")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// knownHost refuses names that somebody else's DNS may have pointed here (DNS rebinding): an address cannot be pointed
// anywhere. The port is not compared, so that a forwarded one works.
func (s *Server) knownHost(authority string) bool {
	host, _, err := net.SplitHostPort(authority)
	if err != nil {
		host = authority
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || slices.Contains(s.hosts, host) {
		return true
	}
	_, err = netip.ParseAddr(host)
	return err == nil
}

// sameOrigin refuses what a page of another origin asks for. A browser says so itself, in either of two fields; a link
// somewhere else may still lead to the page, which has nothing in it.
func sameOrigin(r *http.Request) bool {
	if origins := r.Header["Origin"]; len(origins) > 0 {
		if len(origins) != 1 || !strings.EqualFold(origins[0], "http://"+r.Host) && !strings.EqualFold(origins[0], "https://"+r.Host) {
			return false
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" &&
		r.Header.Get("Sec-Fetch-Dest") == "document"
}

// withToken lets only those through who know the token. It is taken from the Authorization field alone: what a browser
// adds by itself, such as a cookie, never suffices.
func (s *Server) withToken(next http.HandlerFunc) http.HandlerFunc {
	want := sha256.Sum256([]byte(s.token))
	return func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(token))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="graphwarden"`)
			fail(w, http.StatusUnauthorized, "token_needed", "send the token that graphwarden printed: Authorization: Bearer TOKEN")
			return
		}
		next(w, r)
	}
}

// withWrite lets only a server through that was opened for writing.
func (s *Server) withWrite(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.write {
			fail(w, http.StatusForbidden, "read_only", "this server only reads: start graphwarden with --admin-write")
			return
		}
		next(w, r)
	}
}
