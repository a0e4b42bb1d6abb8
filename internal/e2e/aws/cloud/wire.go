package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
)

// Client calls services of AWS that speak JSON, with a signature that is worth nothing.
type Client struct {
	URL  string
	Key  string // the access key, by which the gateway knows the caller
	HTTP *http.Client
}

// Error is the answer to a call that failed.
type Error struct {
	Status  int
	Code    string
	Message string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message) }

// Code is the code of a service's error, or empty.
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// The services that are called, as requests are signed for them, and the names of their targets.
const (
	dynamoDB = "dynamodb"
	sqs      = "sqs"
	s3       = "s3"
	sns      = "sns"
	secrets  = "secretsmanager"
	events   = "events"
	lambda   = "lambda"
	states   = "states"

	targetDynamoDB = "DynamoDB_20120810"
	targetStreams  = "DynamoDBStreams_20120810"
	targetSQS      = "AmazonSQS"
	targetEvents   = "AWSEvents"
	targetSecrets  = "secretsmanager"
)

// Call sends one request to a target such as AmazonSQS.SendMessage.
func (c Client) Call(ctx context.Context, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Authorization", authorization(c.Key, serviceOf(target)))
	res, err := c.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", target, err)
	case res.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("%s: %w", target, errorOf(res.StatusCode, raw))
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return nil
}

// Form sends one request to a service that speaks no JSON.
func (c Client) Form(ctx context.Context, service string, in url.Values) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/", strings.NewReader(in.Encode()))
	if err != nil {
		return fmt.Errorf("%s %s: %w", service, in.Get("Action"), err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", authorization(c.Key, service))
	res, err := c.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("%s %s: %w", service, in.Get("Action"), err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= http.StatusBadRequest {
		raw, err := io.ReadAll(res.Body)
		return errors.Join(fmt.Errorf("%s %s: %w", service, in.Get("Action"), errorOf(res.StatusCode, raw)), err)
	}
	return nil
}

func errorOf(status int, raw []byte) *Error {
	var told struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Upper   string `json:"Message"`
	}
	if err := json.Unmarshal(raw, &told); err != nil {
		told.Message = string(raw)
	}
	if told.Message == "" {
		told.Message = told.Upper
	}
	_, code, found := strings.Cut(told.Type, "#")
	if !found {
		code = told.Type
	}
	return &Error{Status: status, Code: code, Message: told.Message}
}

func serviceOf(target string) string {
	prefix, _, _ := strings.Cut(target, ".")
	switch prefix {
	case targetDynamoDB, targetStreams:
		return dynamoDB
	case targetSQS:
		return sqs
	case targetEvents:
		return events
	case targetSecrets:
		return secrets
	}
	return states
}

func authorization(key, service string) string {
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/20261122/%s/%s/aws4_request, SignedHeaders=host, Signature=0", key, runtimeapi.Region, service)
}

// caller reads what authorization writes, and what an SDK does.
func caller(r *http.Request) (key, service string) {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope, _, _ = strings.Cut(scope, ",")
	parts := strings.Split(scope, "/")
	if len(parts) < 5 {
		return "", ""
	}
	return parts[0], parts[3]
}
