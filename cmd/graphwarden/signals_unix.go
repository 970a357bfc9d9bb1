//go:build unix

package main

import (
	"os"
	"syscall"
)

var (
	hangupSignals  = []os.Signal{syscall.SIGHUP}
	forwardSignals = []os.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}
)

// signalCode is the exit code shells give a process that a signal ended.
func signalCode(state *os.ProcessState) (int, bool) {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return 0, false
	}
	return 128 + int(status.Signal()), true
}
