package lambdakit

import (
	"context"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// newLogger logs JSON lines in Lambda's form, with the request's ID. A level that is none is info: start
// says what is wrong with it.
func newLogger(out io.Writer, level string) *slog.Logger {
	var at slog.Level
	if err := at.UnmarshalText([]byte(level)); err != nil {
		at = slog.LevelInfo
	}
	return slog.New(requests{slog.NewJSONHandler(out, &slog.HandlerOptions{Level: at, ReplaceAttr: lambdacontext.ReplaceAttr})})
}

// requests adds the request's ID to what is logged.
type requests struct{ slog.Handler }

func (h requests) Handle(ctx context.Context, r slog.Record) error {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r = r.Clone()
		r.AddAttrs(slog.String("requestId", lc.AwsRequestID))
	}
	return h.Handler.Handle(ctx, r)
}

func (h requests) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requests{h.Handler.WithAttrs(attrs)}
}
func (h requests) WithGroup(name string) slog.Handler { return requests{h.Handler.WithGroup(name)} }
