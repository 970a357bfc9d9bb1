package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dropStartCode unmaps the pages of the binary, code and constants. A start runs through most of them, serving through a
// quarter; what is needed again is mapped again from the system's cache of the file. Where it cannot be done nothing changes.
func dropStartCode() {
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range unchangedMappings(maps, own) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ start, end uintptr }

// unchangedMappings finds in the text of /proc/self/smaps where the named file is mapped as it is on disk: not to be written
// to, and no page that was (by the loader, which places a relocatable binary, or by a debugger).
func unchangedMappings(smaps []byte, name string) []mapping {
	var found []mapping
	var m mapping
	ours := false
	for line := range bytes.Lines(smaps) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if !bytes.HasSuffix(fields[0], []byte(":")) { // 00400000-00fd0000 r-xp 00000000 fe:00 4711    /usr/bin/graphwarden
			m, ours = parseRange(string(fields[0]))
			perms := fields[1]
			ours = ours && len(perms) == 4 && perms[1] == '-' && perms[3] == 'p' && bytes.HasSuffix(bytes.TrimSpace(line), []byte(" "+name))
		} else if ours && string(fields[0]) == "Anonymous:" && string(fields[1]) == "0" {
			found = append(found, m)
		}
	}
	return found
}

func parseRange(text string) (mapping, bool) {
	from, to, ok := strings.Cut(text, "-")
	start, err := strconv.ParseUint(from, 16, strconv.IntSize)
	end, err2 := strconv.ParseUint(to, 16, strconv.IntSize)
	return mapping{uintptr(start), uintptr(end)}, ok && err == nil && err2 == nil && start < end
}
