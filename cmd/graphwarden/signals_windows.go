package main

import "os"

// Windows has no signals to pass on: a console sends its interrupt to every process in it.
var hangupSignals, forwardSignals []os.Signal

func signalCode(*os.ProcessState) (int, bool) { return 0, false }
