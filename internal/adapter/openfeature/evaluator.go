// Package openfeature evaluates feature flags as an application does, through OpenFeature's SDK:
// to see whether a flip took, and to read Guardian's own switch.
package openfeature

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/remedy"
)

// Flags is a store of flags with an evaluator that tells what applications get from it.
type Flags struct {
	flag.Store
	*Evaluator
}

var _ remedy.Flags = Flags{}

// DefaultTimeout bounds an evaluation where no other timeout is given.
const DefaultTimeout = 5 * time.Second

// Evaluator asks what value a flag has. Many goroutines may use it at once. Close ends it.
type Evaluator struct {
	api     *of.EvaluationAPI
	client  *of.Client
	timeout time.Duration
	escape  func(key string) string
}

// NewOFREP makes an evaluator that asks a service by the OpenFeature Remote Evaluation Protocol
// (https://openfeature.dev/specification/appendix-c), as flagd serves it. The client brings
// certificates and tokens; timeout bounds one evaluation, zero is DefaultTimeout.
func NewOFREP(ctx context.Context, baseURL string, client *http.Client, timeout time.Duration) (*Evaluator, error) {
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the address of the OFREP service is not a URL like http://flagd:8016")
	}
	provider := ofrep.NewProvider(baseURL, ofrep.WithClient(careful(client)))
	return newEvaluator(ctx, provider, timeout, url.PathEscape)
}

// NewInProcess makes an evaluator of a flagd document: it evaluates with flagd's own code, and
// reads the document anew for every evaluation. Timeout as for NewOFREP.
func NewInProcess(ctx context.Context, document Document, timeout time.Duration) (*Evaluator, error) {
	return newEvaluator(ctx, newInProcess(document), timeout, func(key string) string { return key })
}

// newEvaluator gives the provider an API of its own instead of the SDK's singleton, so that two
// evaluators of one process, or the flags of a program that Guardian is linked into, do not meet.
func newEvaluator(ctx context.Context, provider of.FeatureProvider, timeout time.Duration, escape func(string) string) (*Evaluator, error) {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	api := isolated.NewAPI()
	if err := api.SetProviderAndWait(ctx, provider); err != nil {
		return nil, fmt.Errorf("set up flag evaluation: %w", err)
	}
	return &Evaluator{api: api, client: api.NewClient(), timeout: timeout, escape: escape}, nil
}

// Close ends the evaluator and what the SDK runs for it.
func (e *Evaluator) Close(ctx context.Context) error { return e.api.Shutdown(ctx) }

// Serving gives the variant that a caller without any targeting context gets. It is "" where
// callers get the default in their own code, as from a disabled flag. Errors wrap flag.ErrNotFound,
// flag.ErrInvalid or flag.ErrUnavailable.
func (e *Evaluator) Serving(ctx context.Context, key string) (variant string, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	// An object may be of any type on the wire, so that one question fits flags of every type.
	details, err := e.client.ObjectValueDetails(ctx, e.escape(key), nil, of.EvaluationContext{})
	if err != nil {
		return "", explain(key, details.EvaluationDetails, err)
	}
	if details.Variant == "" && details.Value != nil {
		return "", fmt.Errorf("evaluate flag %s: %w: it tells a value, but not of which variant", key, flag.ErrUnavailable)
	}
	return details.Variant, nil
}

// boolean evaluates a boolean flag for a caller with the attributes.
func (e *Evaluator) boolean(ctx context.Context, key string, attributes map[string]any) (value bool, reason of.Reason, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	details, err := e.client.BooleanValueDetails(ctx, e.escape(key), false, of.NewTargetlessEvaluationContext(attributes))
	if err != nil {
		return false, details.Reason, explain(key, details.EvaluationDetails, err)
	}
	return details.Value, details.Reason, nil
}

// explain puts an evaluation's error into the words of package flag. The SDK hands on only its
// code and its message, not what it wraps.
func explain(key string, details of.EvaluationDetails, err error) error {
	message := details.ErrorMessage
	if message == "" {
		message = err.Error()
	}
	sentinel := flag.ErrUnavailable
	switch details.ErrorCode {
	case of.FlagNotFoundCode:
		sentinel = flag.ErrNotFound
	case of.ParseErrorCode, of.TypeMismatchCode:
		sentinel = flag.ErrInvalid
	}
	message = strings.TrimPrefix(message, sentinel.Error()+": ")
	return fmt.Errorf("evaluate flag %s: %w: %s", key, sentinel, message)
}
