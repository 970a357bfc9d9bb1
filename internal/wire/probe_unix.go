//go:build unix

package wire

import "syscall"

const probes = true

// prepareProbe makes it possible to ask the system whether anything has come, without waiting and without a byte lost that
// anybody would miss: what comes on an idle connection is its end, or nothing that an origin may send.
func (k *conn) prepareProbe() {
	sc, ok := k.raw.(syscall.Conn)
	if !ok {
		return
	}
	probe, err := sc.SyscallConn()
	if err != nil {
		return
	}
	var one [1]byte
	k.probe = probe
	k.peek = func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), one[:])
		k.quiet = err == syscall.EAGAIN
		return true
	}
}
