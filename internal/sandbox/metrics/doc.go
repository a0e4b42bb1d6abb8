// Package metrics is a small Prometheus for the demo and for tests: PromQL's real engine over
// samples in memory, with the part of the HTTP API that Guardian reads, faults that can be
// switched on, and a simulated service that leaves samples behind. Nothing touches a disk.
package metrics
