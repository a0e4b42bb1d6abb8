package argocd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/version"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/cinegit/guardian/internal/adapter/httpclient"
)

const (
	userAgent   = "guardian"
	defaultPort = "443"
	// Argo CD's server closes a connection that pings more often than every 10 s.
	pingEvery   = 20 * time.Second
	pingTimeout = 10 * time.Second
	// A server that was down is found again this soon.
	maxBackoff = 2 * time.Second
)

func (c Config) dialer() (func(token string) (*session, error), error) {
	if c.GRPCWeb {
		return c.dialWeb, nil
	}
	creds, err := c.transport()
	if err != nil {
		return nil, fmt.Errorf("argocd: %w", err)
	}
	return func(token string) (*session, error) { return c.dialGRPC(token, creds) }, nil
}

func (c Config) transport() (credentials.TransportCredentials, error) {
	if c.PlainText {
		return insecure.NewCredentials(), nil
	}
	tls, err := httpclient.TLSConfig(c.CAFile, c.Insecure)
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(tls), nil
}

// dialGRPC connects by itself and not by apiclient.NewClient, which first asks for the version
// without any deadline: a server that accepts and stays silent would hold it for ever, and every
// later call with it. Here nothing is sent before the first call, which has a deadline.
func (c Config) dialGRPC(token string, creds credentials.TransportCredentials) (*session, error) {
	conn, err := grpc.NewClient(withPort(c.Server),
		grpc.WithTransportCredentials(creds),
		grpc.WithPerRPCCredentials(jwt{token}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(apiclient.MaxGRPCMessageSize)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: pingTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: maxBackoff / 8, Multiplier: 2, Jitter: 0.2, MaxDelay: maxBackoff},
			MinConnectTimeout: c.Timeout,
		}),
		grpc.WithUserAgent(userAgent),
	)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.Server, err)
	}
	return &session{
		token:    token,
		apps:     application.NewApplicationServiceClient(conn),
		versions: version.NewVersionServiceClient(conn),
		end:      conn.Close,
	}, nil
}

// dialWeb lets apiclient translate to grpc-web. In this mode its NewClient makes no call.
func (c Config) dialWeb(token string) (*session, error) {
	client, err := apiclient.NewClient(&apiclient.ClientOptions{
		ServerAddr: c.Server,
		AuthToken:  token,
		CertFile:   c.CAFile,
		Insecure:   c.Insecure,
		PlainText:  c.PlainText,
		GRPCWeb:    true,
		UserAgent:  userAgent,
	})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.Server, err)
	}
	appsConn, apps, err := client.NewApplicationClient()
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.Server, err)
	}
	versionConn, versions, err := client.NewVersionClient()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %s: %w", c.Server, err), appsConn.Close())
	}
	return &session{token: token, apps: apps, versions: versions, end: closeAll(versionConn, appsConn)}, nil
}

func closeAll(all ...io.Closer) func() error {
	return func() error {
		var errs []error
		for _, c := range all {
			errs = append(errs, c.Close())
		}
		return errors.Join(errs...)
	}
}

func withPort(server string) string {
	if _, _, err := net.SplitHostPort(server); err == nil {
		return server
	}
	return net.JoinHostPort(server, defaultPort)
}

// jwt sends Argo CD's API token with each call.
type jwt struct{ token string }

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (j jwt) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{apiclient.MetaDataTokenKey: j.token}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials: plainText is the user's choice.
func (jwt) RequireTransportSecurity() bool { return false }
