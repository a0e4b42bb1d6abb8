package proc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"time"
)

// pollEvery is how often Until looks again.
const pollEvery = 100 * time.Millisecond

// Find gives the path of an installed program; where it is missing, the error is one line with the
// command that gets it.
func Find(program, debianPackage string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s is not installed: sudo apt-get install --no-install-recommends %s", program, debianPackage)
	}
	return path, nil
}

// Ports gives n loopback ports that nobody listens on.
func Ports(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		// All are held until the last is found, so that none is given twice.
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// Until calls probe until it returns nil, and gives probe's last error when ctx ends first.
func Until(ctx context.Context, probe func(context.Context) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// Answers gives a probe that succeeds once a GET of url answers with a status below 400.
func Answers(client *http.Client, url string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("probe: %w", err)
		}
		res, err := client.Do(req)
		if err != nil {
			return fmt.Errorf("probe: %w", err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode >= http.StatusBadRequest {
			return fmt.Errorf("probe %s: %s", url, res.Status)
		}
		return nil
	}
}

// Listens gives a probe that succeeds once something accepts connections at address.
func Listens(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("probe: %w", err)
		}
		return conn.Close()
	}
}
