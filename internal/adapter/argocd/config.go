package argocd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// DefaultTimeout bounds a call whose Config has no Timeout.
const DefaultTimeout = 10 * time.Second

// Config says how to reach one argocd-server. ARGOCD_SERVER, ARGOCD_AUTH_TOKEN and the files of the
// argocd program are never looked at.
type Config struct {
	Server    string        // host[:port] without a scheme; the port is 443 unless given
	CAFile    string        // PEM file of certificate authorities, beside those of the machine
	Insecure  bool          // do not check the server's certificate
	PlainText bool          // no TLS
	GRPCWeb   bool          // for ingresses without HTTP/2
	Timeout   time.Duration // of one call, connecting included; zero is DefaultTimeout
	// Token is asked before every call, and once more when Argo CD did not accept the token, so
	// that a rotated one is taken up without a restart.
	Token func(ctx context.Context) (string, error)
}

func (c Config) check() error {
	switch {
	case c.Server == "":
		return errors.New("argocd: server is empty: write host[:port] of argocd-server")
	case strings.Contains(c.Server, "://"):
		return fmt.Errorf("argocd: server %q has a scheme: write host[:port]", c.Server)
	case c.Token == nil:
		return errors.New("argocd: token is missing: refer to an API token")
	}
	return nil
}
