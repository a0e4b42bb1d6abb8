// Package proc runs the programs of an end-to-end test on free loopback ports and ends them with it.
package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// grace is how long a program may take to end by itself.
const grace = 10 * time.Second

// Program says what to run.
type Program struct {
	Name string   // for messages and the log's name
	Path string   // of the executable
	Args []string // without the executable
	Env  []string // NAME=value, added to this process's environment
	Logs string   // folder that gets Name.log; appended to on a restart
}

// Process is a program that was started.
type Process struct {
	program Program
	command *exec.Cmd
	exited  chan struct{}
	err     error // of the exit; read after exited
}

// Start runs a program in a process group of its own. On Linux it dies with this process, also when
// that is killed.
func Start(p Program) (*Process, error) {
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	defer func() { _ = log.Close() }() // the program has its own
	// It lives until it is stopped, whatever the context of the call that starts it.
	c := exec.CommandContext(context.Background(), p.Path, p.Args...)
	c.Env = append(os.Environ(), p.Env...)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = ownGroup()
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	process := &Process{program: p, command: c, exited: make(chan struct{})}
	go func() {
		process.err = c.Wait()
		close(process.exited)
	}()
	return process, nil
}

func (p Program) logFile() string { return filepath.Join(p.Logs, p.Name+".log") }

// Exited is closed once the process is gone.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err says how the process ended: nil for exit status 0. Call it once Exited is closed.
func (p *Process) Err() error { return p.err }

// Kill ends the process at once, as a power cut would, and waits until it is gone.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Stop asks the process to end, and kills it where it does not within ten seconds.
func (p *Process) Stop() {
	p.end(syscall.SIGTERM)
	p.end(syscall.SIGKILL)
}

func (p *Process) end(with syscall.Signal) {
	select {
	case <-p.exited:
		return
	default:
	}
	// The group has the process's id; it may have gone this instant, which is as well.
	_ = syscall.Kill(-p.command.Process.Pid, with)
	select {
	case <-p.exited:
	case <-time.After(grace):
	}
}

// Ready waits until probe succeeds. It fails with the end of the log when the process exits first or
// ctx ends.
func (p *Process) Ready(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.exited:
			cancel(fmt.Errorf("%s ended: %w", p.program.Name, errors.Join(errors.New("too early"), p.err)))
		case <-ctx.Done():
		}
	}()
	if err := Until(ctx, probe); err != nil {
		return fmt.Errorf("%s is not ready: %w\n%s", p.program.Name, err, p.Tail(15))
	}
	return nil
}

// Tail gives the last lines of the log.
func (p *Process) Tail(lines int) string {
	raw, err := os.ReadFile(p.program.logFile())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
