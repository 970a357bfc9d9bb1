package lean

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// Serve answers every request on the listener with the canned answer until the listener is closed. Requests to /v1.0 are
// answered in chunks, as Graph often does.
func Serve(l net.Listener, certificate tls.Certificate) error {
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}}
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go answer(tls.Server(conn, config))
	}
}

var fixed, chunked = canned()

func canned() (fixed, chunked []byte) {
	head := "HTTP/1.1 200 OK\r\n"
	for i := 0; i < len(AnswerHeader); i += 2 {
		head += AnswerHeader[i] + ": " + AnswerHeader[i+1] + "\r\n"
	}
	fixed = []byte(head + "Content-Length: " + strconv.Itoa(len(Answer)) + "\r\n\r\n" + Answer)
	chunked = []byte(head + "Transfer-Encoding: chunked\r\n\r\n" + strconv.FormatInt(int64(len(Answer)), 16) + "\r\n" + Answer + "\r\n0\r\n\r\n")
	return fixed, chunked
}

func answer(conn net.Conn) {
	defer conn.Close()
	br := bufio.NewReaderSize(conn, 8<<10)
	for {
		mark, _, err := readMessage(br)
		if err != nil {
			return
		}
		b := fixed
		// "PATCH /v1.0": the mark begins behind the version's first letter.
		if mark[0] == '1' {
			b = chunked
		}
		if _, err := conn.Write(b); err != nil {
			return
		}
	}
}

// Handler is the same origin for net/http, which speaks HTTP/2.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(AnswerHeader); i += 2 {
			w.Header()[AnswerHeader[i]] = AnswerHeader[i+1 : i+2]
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(Answer)))
		_, _ = w.Write([]byte(Answer))
	})
}
