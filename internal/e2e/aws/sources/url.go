package sources

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
)

// maxRequest is how long a request to a function URL may be, as the event that it becomes, in bytes.
const maxRequest = 6 << 20

// URL is a function URL: http.Handler of what the function answers.
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
type URL struct {
	Invoke Invoke
	Admit  func(r *http.Request) (signer string, err error) // gives who signed, where the URL asks for a signature
}

// ServeHTTP implements http.Handler.
func (u URL) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	signer, err := u.Admit(r)
	if err != nil {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"Message": "Forbidden"}`) // the client is gone, then
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	event := request(r, body)
	if signer != "" {
		event.RequestContext.Authorizer = &events.LambdaFunctionURLRequestContextAuthorizerDescription{
			IAM: &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{UserARN: signer},
		}
	}
	payload, err := json.Marshal(event)
	if err != nil || len(payload) > maxRequest {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	result, err := u.Invoke(r.Context(), payload)
	switch {
	case err != nil:
		w.WriteHeader(http.StatusTooManyRequests)
	case result.Error != "":
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "Internal Server Error") // the client is gone, then
	default:
		respond(w, result.Payload)
	}
}

func request(r *http.Request, body []byte) events.LambdaFunctionURLRequest {
	headers := map[string]string{}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	headers["host"] = r.Host
	query := map[string]string{}
	for name, values := range r.URL.Query() {
		query[name] = strings.Join(values, ",")
	}
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	now := time.Now()
	out := events.LambdaFunctionURLRequest{
		Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery, Headers: headers, QueryStringParameters: query,
		RequestContext: events.LambdaFunctionURLRequestContext{
			AccountID: "anonymous", RequestID: newID(), APIID: "id", DomainName: "id.lambda-url." + runtimeapi.Region + ".on.aws", DomainPrefix: "id",
			Time: now.UTC().Format("02/Jan/2006:15:04:05 +0000"), TimeEpoch: now.UnixMilli(),
			HTTP: events.LambdaFunctionURLRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.EscapedPath(), Protocol: r.Proto, SourceIP: ip, UserAgent: r.UserAgent(),
			},
		},
	}
	out.Body, out.IsBase64Encoded = string(body), !isText(r.Header.Get("Content-Type")) || !utf8.Valid(body)
	if out.IsBase64Encoded {
		out.Body = base64.StdEncoding.EncodeToString(body)
	}
	return out
}

// isText tells which bodies Lambda hands over as they are.
func isText(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return strings.HasPrefix(kind, "text/") || kind == "application/json" || kind == "application/javascript" || kind == "application/xml"
}

// respond gives what the function answered: a response with a status code, or else any JSON.
func respond(w http.ResponseWriter, payload []byte) {
	var out events.LambdaFunctionURLResponse
	if err := json.Unmarshal(payload, &out); err != nil || out.StatusCode == 0 {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(payload)
		return
	}
	body := []byte(out.Body)
	if out.IsBase64Encoded {
		body, _ = base64.StdEncoding.DecodeString(out.Body)
	}
	w.Header().Set("Content-Type", "application/json")
	for name, value := range out.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(out.StatusCode)
	_, _ = w.Write(body)
}
