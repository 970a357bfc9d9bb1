package check

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/graphwarden/graphwarden/internal/graph"
)

// NewRequest makes a request of a method, a URL, header fields and a body, without tidying any of them: the target stays
// as it is written, however odd, so that the normal form has its say. A URL without a host is one of graph.microsoft.com.
func NewRequest(method, rawURL string, header http.Header, body []byte) *http.Request {
	scheme, rest, absolute := strings.Cut(rawURL, "://")
	if !absolute || strings.HasPrefix(rawURL, "/") {
		scheme, rest = "https", "graph.microsoft.com"+rawURL
	}
	authority, target := rest, "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, target = rest[:i], rest[i:]
	}
	target, _, _ = strings.Cut(target, "#") // no client sends it
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	if header == nil {
		header = http.Header{}
	}
	r := &http.Request{
		Method: method, URL: &url.URL{Scheme: scheme, Host: authority}, Host: authority, RequestURI: target, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}
	if len(body) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return r
}

// framing are the fields that speak of bytes on a wire. What is written down is the decoded body, whole.
var framing = []string{"Connection", "Content-Encoding", "Content-Length", "Host", "Keep-Alive", "Proxy-Connection", "Te",
	"Trailer", "Transfer-Encoding", "Upgrade"}

// understand reads the request of a case as the proxy would have, and reports whether it goes to Graph at all.
func (c *Case) understand(hosts graph.Hosts, header http.Header, body []byte) bool {
	for _, name := range framing {
		header.Del(name)
	}
	r := NewRequest(c.Method, c.URL, header, body)
	host, _, _ := strings.Cut(r.Host, ":")
	if _, ok := hosts.Cloud(host); !ok {
		return false
	}
	request, err := graph.Read(r, graph.Connection{}, graph.ReadOptions{Hosts: hosts})
	if refusal, ok := err.(*graph.Refusal); ok {
		c.Refusal = refusal
		return true
	}
	c.Request = request
	return true
}
