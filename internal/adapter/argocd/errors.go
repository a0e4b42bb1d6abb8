package argocd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cinegit/guardian/internal/deploy"
)

// Argo CD tells these cases apart by its words only.
const (
	saysAutoSync  = "rollback cannot be initiated when auto-sync is enabled"
	saysBusy      = "another operation is already in progress"
	saysGone      = "does not have deployment with id"
	saysNothingOn = "no operation is in progress"
)

// explain says what went wrong in package deploy's terms, with Argo CD's own words and without the token.
func explain(err error, token string, timeout time.Duration) error {
	if errors.Is(err, deploy.ErrUnauthenticated) || errors.Is(err, deploy.ErrUnavailable) {
		return err
	}
	said := status.Convert(err)
	words := said.Message()
	if said.Code() == codes.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded) {
		words = fmt.Sprintf("no answer within %s", timeout)
	}
	if token != "" {
		words = strings.ReplaceAll(words, token, "[token]")
	}
	return fmt.Errorf("%w: %s%s", kindOf(said), words, hint(words))
}

// kindOf sorts Argo CD's answer by what the caller should do next. What is neither a clear yes nor
// a clear no counts as not reachable, so that the caller looks before it goes on.
func kindOf(said *status.Status) error {
	words := strings.ToLower(said.Message())
	switch said.Code() {
	case codes.Unauthenticated:
		return deploy.ErrUnauthenticated
	case codes.PermissionDenied:
		return deploy.ErrDenied
	case codes.NotFound:
		return deploy.ErrNotFound
	case codes.FailedPrecondition:
		return refusal(words)
	case codes.InvalidArgument:
		if strings.Contains(words, saysGone) {
			return deploy.ErrGone
		}
		return deploy.ErrRefused
	case codes.Unimplemented, codes.OutOfRange, codes.AlreadyExists:
		return deploy.ErrRefused
	default:
		return deploy.ErrUnavailable
	}
}

func refusal(words string) error {
	switch {
	case strings.Contains(words, saysAutoSync):
		return deploy.ErrAutoSync
	case strings.Contains(words, saysBusy):
		return deploy.ErrBusy
	}
	return deploy.ErrRefused
}

// hint names the setting that is likely to be wrong.
func hint(words string) string {
	switch {
	case strings.Contains(words, "x509:"):
		return " (see caFile)"
	case strings.Contains(words, "first record does not look like a TLS handshake"):
		return " (see plainText)"
	case strings.Contains(words, "ALPN"), strings.Contains(words, "error reading server preface"):
		return " (see grpcWeb and plainText)"
	}
	return ""
}

func isNothingToTerminate(err error) bool {
	said := status.Convert(err)
	return said.Code() == codes.InvalidArgument && strings.Contains(strings.ToLower(said.Message()), saysNothingOn)
}

func isNotFound(err error) bool { return status.Code(err) == codes.NotFound }
