package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc's times on Linux, whatever the kernel's own.
const tick = 0.01

// looked is what /proc says of the machine and of our processes at one moment; all zero where there is no /proc.
type looked struct {
	at     time.Time
	proxy  float64 // seconds of CPU
	load   float64 // of the load generator and the origins
	busy   []float64
	rss    float64
	peak   float64
	exists bool
}

func look(j job) looked {
	l := looked{at: time.Now(), proxy: cpuOf(j.PID), load: cpuOf(os.Getpid())}
	for _, pid := range j.Others {
		l.load += cpuOf(pid)
	}
	l.busy = busyCores()
	l.exists = len(l.busy) > 0
	l.rss, l.peak = memoryOf(j.PID)
	return l
}

// since is what happened between two looks.
func (l looked) since(before looked, j job, s *sample) {
	s.CPU, s.LoadCPU, s.RSS, s.Peak = l.proxy-before.proxy, l.load-before.load, l.rss, l.peak
	if !l.exists || !before.exists {
		return
	}
	wall := l.at.Sub(before.at).Seconds()
	total := 0.0
	for i := range l.busy {
		total += l.busy[i] - before.busy[i]
	}
	s.Strangers = (total - s.CPU - s.LoadCPU) / (wall * float64(len(l.busy)))
	if j.Core >= 0 && j.Core < len(l.busy) {
		// A stranger on the other core slows the load, one on this core the proxy: the worse of the two counts.
		s.Strangers = max(s.Strangers, (l.busy[j.Core]-before.busy[j.Core]-s.CPU)/wall)
	}
	s.Strangers = max(s.Strangers, 0)
}

// cpuOf is the CPU time of a process in seconds, user and system.
func cpuOf(pid int) float64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name in parentheses may hold spaces; the fields behind it do not.
	_, rest, _ := bytes.Cut(b, []byte(") "))
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0
	}
	return (decimal(fields[11]) + decimal(fields[12])) * tick
}

// busyCores is how long each core has been busy, stolen time included.
func busyCores() []float64 {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return nil
	}
	var busy []float64
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.HasPrefix(fields[0], "cpu") || fields[0] == "cpu" {
			continue
		}
		// user nice system idle iowait irq softirq steal
		sum := 0.0
		for _, i := range []int{1, 2, 3, 6, 7, 8} {
			sum += decimal(fields[i])
		}
		busy = append(busy, sum*tick)
	}
	return busy
}

// memoryOf is the memory of a process in MiB, now and at its most.
func memoryOf(pid int) (rss, peak float64) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "VmRSS:":
			rss = decimal(fields[1]) / 1024
		case "VmHWM:":
			peak = decimal(fields[1]) / 1024
		}
	}
	return rss, peak
}

func decimal(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}
