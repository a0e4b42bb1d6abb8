package runtimeapi

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// Memory of a process in KiB, as /proc tells it; zero where there is no /proc.
type Memory struct {
	Resident int // VmRSS
	Peak     int // VmHWM
}

func memoryOf(pid int) (m Memory) {
	file, err := os.Open("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return m
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kib, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB")) // other lines are no numbers
		switch name {
		case "VmRSS":
			m.Resident = kib
		case "VmHWM":
			m.Peak = kib
		}
	}
	return m
}
