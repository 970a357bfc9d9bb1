// Package lean is the two ends of a benchmark: a client and an origin that cost next to nothing themselves, so that what is
// measured between them is the proxy. Both speak HTTP/1.1 over TLS on connections that are kept, with canned bytes and no
// allocation of their own per request.
//
// They are for loopback and for each other: neither checks certificates nor anything else that a stranger could send.
package lean
