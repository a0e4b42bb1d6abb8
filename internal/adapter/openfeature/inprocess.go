package openfeature

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/model"
	"github.com/open-feature/flagd/core/pkg/store"
	flagdsync "github.com/open-feature/flagd/core/pkg/sync"
	of "github.com/open-feature/go-sdk/openfeature"
	"go.uber.org/zap"

	"github.com/cinegit/guardian/internal/flag"
)

// Document reads a flagd document: its text, and a version that changes with it.
type Document func(ctx context.Context) (text []byte, version string, err error)

// operators guards the table of operators of flagd's rule library. There is one for the whole
// process; making an evaluator writes it, evaluating reads it, and the library does not lock.
var operators sync.RWMutex //nolint:gochecknoglobals // what it guards is global in the library

// inProcess evaluates a flagd document with flagd's own evaluator.
type inProcess struct {
	document Document

	mu      sync.Mutex
	json    *evaluator.JSON
	version string // of the document that json holds
}

func newInProcess(document Document) *inProcess {
	operators.Lock()
	defer operators.Unlock()
	// Everything worth telling comes back as an error.
	log := logger.NewLogger(zap.NewNop(), false)
	return &inProcess{document: document, json: evaluator.NewJSON(log, store.NewFlags())}
}

// evaluate gives what the document as it is now says of a flag. A document that flagd refuses is
// an error, even though a running flagd would go on with the one before: applications that start
// now would not get that.
func (p *inProcess) evaluate(ctx context.Context, key string, attributes of.FlattenedContext) (evaluator.AnyValue, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, version, err := p.document(ctx)
	if err != nil {
		return evaluator.AnyValue{}, err
	}
	if version != p.version {
		if _, _, err := p.json.SetState(flagdsync.DataSync{FlagData: string(text), Source: "document"}); err != nil {
			return evaluator.AnyValue{}, fmt.Errorf("%w: %w", flag.ErrInvalid, err)
		}
		p.version = version
	}
	operators.RLock()
	defer operators.RUnlock()
	return p.json.ResolveAsAnyValue(ctx, "", key, attributes), nil
}

// resolve evaluates a flag of one type.
func resolve[T any](ctx context.Context, p *inProcess, key string, fallback T, attributes of.FlattenedContext, as func(any) (T, bool)) of.GenericResolutionDetail[T] {
	out := of.GenericResolutionDetail[T]{Value: fallback}
	got, err := p.evaluate(ctx, key, attributes)
	if err == nil {
		err = got.Error
	}
	if err != nil && err.Error() == model.FlagDisabledErrorCode {
		out.Reason = of.DisabledReason
		return out
	}
	if err != nil {
		out.ResolutionError, out.Reason = resolutionError(key, err), of.ErrorReason
		return out
	}
	value, ok := as(got.Value)
	if !ok {
		out.ResolutionError = of.NewTypeMismatchResolutionError("the flag has a value of another type")
		out.Reason = of.ErrorReason
		return out
	}
	out.Value, out.Variant, out.Reason, out.FlagMetadata = value, got.Variant, of.Reason(got.Reason), got.Metadata
	return out
}

func resolutionError(key string, err error) of.ResolutionError {
	switch {
	case errors.Is(err, flag.ErrInvalid):
		return of.NewParseErrorResolutionError(err.Error())
	case err.Error() == model.FlagNotFoundErrorCode:
		return of.NewFlagNotFoundResolutionError("there is no flag " + key + ", or it has no default variant")
	case err.Error() == model.ParseErrorCode:
		return of.NewParseErrorResolutionError("its targeting is not understood")
	case err.Error() == model.GeneralErrorCode:
		return of.NewGeneralResolutionError("its targeting gives a variant that it does not have")
	}
	return of.NewGeneralResolutionError(err.Error())
}

func as[T any](v any) (T, bool) {
	out, ok := v.(T)
	return out, ok
}

func asInt(v any) (int64, bool) {
	f, ok := v.(float64)
	return int64(f), ok && f == float64(int64(f))
}

// Metadata implements openfeature.FeatureProvider, as do all methods below.
func (p *inProcess) Metadata() of.Metadata { return of.Metadata{Name: "flagd document"} }

func (p *inProcess) Hooks() []of.Hook { return nil }

func (p *inProcess) BooleanEvaluation(ctx context.Context, key string, fallback bool, attributes of.FlattenedContext) of.BoolResolutionDetail {
	return resolve(ctx, p, key, fallback, attributes, as[bool])
}

func (p *inProcess) StringEvaluation(ctx context.Context, key string, fallback string, attributes of.FlattenedContext) of.StringResolutionDetail {
	return resolve(ctx, p, key, fallback, attributes, as[string])
}

func (p *inProcess) FloatEvaluation(ctx context.Context, key string, fallback float64, attributes of.FlattenedContext) of.FloatResolutionDetail {
	return resolve(ctx, p, key, fallback, attributes, as[float64])
}

func (p *inProcess) IntEvaluation(ctx context.Context, key string, fallback int64, attributes of.FlattenedContext) of.IntResolutionDetail {
	return resolve(ctx, p, key, fallback, attributes, asInt)
}

func (p *inProcess) ObjectEvaluation(ctx context.Context, key string, fallback any, attributes of.FlattenedContext) of.InterfaceResolutionDetail {
	return resolve(ctx, p, key, fallback, attributes, func(v any) (any, bool) { return v, true })
}
