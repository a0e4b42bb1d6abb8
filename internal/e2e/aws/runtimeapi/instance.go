package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// instance is one process with a Runtime API of its own.
type instance struct {
	function string
	command  *exec.Cmd
	server   *http.Server
	address  string
	began    time.Time

	init   time.Duration // from began to the first call of next; read after ready
	memory Memory        // at that moment

	idle      chan struct{}    // a call of next has come
	next      chan *invocation // what the process is to handle
	exited    chan struct{}    // closed once the process is gone
	exit      error            // of the process; read after exited
	initError Result           // what the process told of its start; read after exited

	mu      sync.Mutex
	current *invocation
}

// invocation is a payload on its way through an instance.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	expired  chan struct{} // closed where the deadline is brought on
	answer   chan Result
}

// startInstance starts a process; ready waits for it.
func startInstance(c Config) (*instance, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API of %s: %w", c.Name, err)
	}
	i := &instance{
		function: c.Name, address: listener.Addr().String(),
		idle: make(chan struct{}, 1), next: make(chan *invocation), exited: make(chan struct{}),
	}
	i.server = &http.Server{Handler: i.handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = i.server.Serve(listener) }() // ends with the process
	// It lives until it is killed, whatever the context of the call that starts it.
	i.command = exec.CommandContext(context.Background(), c.Bootstrap)
	i.command.Env = environment(c, i.address)
	i.command.Dir = "/"
	i.command.Stdout, i.command.Stderr = c.Log, c.Log
	i.command.SysProcAttr = ownGroup()
	i.began = time.Now()
	if err := i.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", c.Name, err), i.server.Close())
	}
	go func() {
		i.exit = i.command.Wait()
		_ = i.server.Close() // its connections are of a process that is gone
		close(i.exited)
	}()
	return i, nil
}

// ready waits until the process has asked for its first invocation. The error says how it ended instead.
func (i *instance) ready() error {
	limit := time.NewTimer(initTime)
	defer limit.Stop()
	select {
	case <-i.idle:
		return nil
	case <-i.exited:
	case <-limit.C:
		i.kill()
		return fmt.Errorf("init of %s timed out after %v", i.function, initTime)
	}
	if i.initError.Error != "" {
		return fmt.Errorf("init of %s: %s: %s", i.function, i.initError.Error, i.initError.Message)
	}
	return fmt.Errorf("runtime of %s exited before it was ready: %w", i.function, orZero(i.exit))
}

var errExitZero = errors.New("exit status 0")

func orZero(err error) error {
	if err == nil {
		return errExitZero
	}
	return err
}

// invoke hands the payload over and waits for the answer, the process's end or the deadline; and then until
// the process asks for more, or is gone.
func (i *instance) invoke(payload []byte, timeout time.Duration) Result {
	now := time.Now()
	in := &invocation{id: newID(), payload: payload, deadline: now.Add(timeout), expired: make(chan struct{}), answer: make(chan Result, 1)}
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case i.next <- in:
	case <-i.exited:
	case <-limit.C:
		return i.timedOut(in, timeout)
	}
	var r Result
	select {
	case r = <-in.answer:
	case <-i.exited:
		r = i.ended(in)
	case <-in.expired:
		return i.timedOut(in, timeout)
	case <-limit.C:
		return i.timedOut(in, timeout)
	}
	r.answered = time.Now()
	r.Took = r.answered.Sub(now)
	select {
	case <-i.idle:
	case <-i.exited:
	case <-limit.C:
		i.kill()
	}
	return r
}

func (i *instance) timedOut(in *invocation, timeout time.Duration) Result {
	i.kill()
	r := failed(in.id, ErrorTimeout, fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", in.id, timeout.Seconds()))
	r.Took, r.answered = timeout, in.deadline
	return r
}

// ended tells of a process that is gone: it may have answered with its last breath.
func (i *instance) ended(in *invocation) Result {
	select {
	case r := <-in.answer:
		return r
	default:
		return failed(in.id, ErrorExit, fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %v", in.id, orZero(i.exit)))
	}
}

// expire ends what the process has in hand as its deadline would.
func (i *instance) expire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.current != nil {
		i.freeze() // so that it does nothing more until it is killed
		close(i.current.expired)
		i.current = nil
	}
}

// alive tells whether the process can take another invocation.
func (i *instance) alive() bool {
	select {
	case <-i.exited:
		return false
	default:
		return true
	}
}

// kill ends the process, frozen or not, and waits until it is gone.
func (i *instance) kill() {
	_ = syscall.Kill(-i.command.Process.Pid, syscall.SIGKILL) // it may have gone this instant, which is as well
	<-i.exited
}

// freeze stops the process where it stands, until thaw.
func (i *instance) freeze() { _ = syscall.Kill(-i.command.Process.Pid, syscall.SIGSTOP) }
func (i *instance) thaw()   { _ = syscall.Kill(-i.command.Process.Pid, syscall.SIGCONT) }
