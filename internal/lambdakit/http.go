package lambdakit

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// callerKey is the key of a request's caller in its context.
type callerKey struct{}

// Caller is who signed a request where the Function URL demands that: an ARN. It is "" where anybody may
// call; nobody but AWS can set it.
func Caller(ctx context.Context) string {
	arn, _ := ctx.Value(callerKey{}).(string)
	return arn
}

// serve answers a request of a Function URL by an http.Handler.
func serve(ctx context.Context, h http.Handler, payload []byte) ([]byte, error) {
	var e events.LambdaFunctionURLRequest
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	w := &response{header: http.Header{}}
	if r, err := request(ctx, e); err != nil { // a stranger's: no fault of the function, which an alarm would tell of
		http.Error(w, "the request cannot be read", http.StatusBadRequest)
	} else {
		h.ServeHTTP(w, r)
	}
	answer, err := json.Marshal(w.answer())
	if len(answer) > maxAnswer {
		return problem(http.StatusInternalServerError, fmt.Sprintf("the answer is %.1f MB, and a function can give 6: ask for less, such as with a smaller limit", float64(len(answer))/1e6))
	}
	return answer, err
}

// maxAnswer is how many bytes a function can answer, less some of the 6 MB for what stands around
// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
const maxAnswer = 6_000_000

// problem answers as the operator's API and the webhooks do when something is wrong.
func problem(status int, text string) ([]byte, error) {
	body, err := json.Marshal(map[string]string{"error": text})
	if err != nil {
		return nil, err
	}
	return json.Marshal(events.LambdaFunctionURLResponse{
		StatusCode: status, Headers: map[string]string{"Content-Type": "application/json"}, Body: string(body),
	})
}

func request(ctx context.Context, e events.LambdaFunctionURLRequest) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
	}
	if a := e.RequestContext.Authorizer; a != nil && a.IAM != nil {
		ctx = context.WithValue(ctx, callerKey{}, a.IAM.UserARN)
	}
	target := e.RawPath
	if e.RawQueryString != "" {
		target += "?" + e.RawQueryString
	}
	r, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}
	r.Host, r.RequestURI, r.RemoteAddr = e.RequestContext.DomainName, target, e.RequestContext.HTTP.SourceIP
	return r, nil
}

// response keeps what a handler answers.
type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *response) answer() events.LambdaFunctionURLResponse {
	w.WriteHeader(http.StatusOK)
	out := events.LambdaFunctionURLResponse{StatusCode: w.status, Headers: map[string]string{}, Body: w.body.String()}
	for name, values := range w.header {
		out.Headers[name] = strings.Join(values, ", ")
	}
	if !utf8.Valid(w.body.Bytes()) {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return out
}
