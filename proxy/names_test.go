package proxy_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names are the hosts that exist for the tests of this package, beside those of the machine's own list.
var names = map[string]string{
	"metadata.example":   "169.254.169.254",
	"wireserver.example": "168.63.129.16",
	"linklocal.example":  "169.254.7.7",
	"nowhere.example":    "0.0.0.0",
	"here.example":       "127.0.0.1",
}

func TestMain(m *testing.M) {
	// No test asks a name server of the network.
	net.DefaultResolver.PreferGo = true
	net.DefaultResolver.Dial = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answerNames(server)
		return client, nil
	}
	os.Exit(m.Run())
}

// answerNames is a name server on a stream (RFC 1035 section 4.2.2).
func answerNames(c net.Conn) {
	defer c.Close()
	b := make([]byte, 2+512)
	for {
		n, err := c.Read(b)
		if err != nil || n < 2 {
			return
		}
		if n == 2 {
			m, err := c.Read(b[2:])
			if err != nil {
				return
			}
			n += m
		}
		var p dnsmessage.Parser
		h, err := p.Start(b[2:n])
		if err != nil {
			return
		}
		q, err := p.Question()
		if err != nil {
			return
		}
		answer := dnsmessage.NewBuilder(make([]byte, 2, 514), dnsmessage.Header{ID: h.ID, Response: true, Authoritative: true, RecursionAvailable: true, RCode: dnsmessage.RCodeNameError})
		name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
		address, known := names[name]
		if known {
			answer = dnsmessage.NewBuilder(make([]byte, 2, 514), dnsmessage.Header{ID: h.ID, Response: true, Authoritative: true, RecursionAvailable: true})
		}
		_ = answer.StartQuestions()
		_ = answer.Question(q)
		_ = answer.StartAnswers()
		if known && q.Type == dnsmessage.TypeA {
			_ = answer.AResource(dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1},
				dnsmessage.AResource{A: [4]byte(net.ParseIP(address).To4())})
		}
		out, err := answer.Finish()
		if err != nil {
			return
		}
		out[0], out[1] = byte((len(out)-2)>>8), byte(len(out)-2)
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}
