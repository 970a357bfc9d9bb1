package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestNothingListensBeyondLoopback looks at the sockets of a proxy with everything on.
func TestNothingListensBeyondLoopback(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	s := serve(t, f.home, "", "--ca-dir", filepath.Join(f.home, "ca"), "--origin", "standin", "--mode", "record", "--cassette", f.cassette,
		"--ledger", f.ledger, "--admin", "127.0.0.1:0")
	listening := listeners(t, s.cmd.Process.Pid)
	if len(listening) < 3 { // the proxy, the console, the stand-in
		t.Errorf("%d sockets listen: %v", len(listening), listening)
	}
	for _, address := range listening {
		if !strings.HasPrefix(address, "0100007F:") && !strings.HasPrefix(address, "00000000000000000000000001000000:") {
			t.Errorf("a socket listens at %s, which is not loopback", address)
		}
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d\n%s", code, &s.out)
	}
}

// listeners are the local addresses, as the kernel writes them, at which a process listens.
func listeners(t *testing.T, pid int) (addresses []string) {
	t.Helper()
	const listen = "0A"
	own := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil {
			if inode, ok := strings.CutPrefix(to, "socket:["); ok {
				own[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // a kernel without IPv6
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == listen && own[f[9]] {
				addresses = append(addresses, f[1])
			}
		}
	}
	return addresses
}
