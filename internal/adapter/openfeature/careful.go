package openfeature

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAnswer bounds what is read of an OFREP answer, in bytes.
const maxAnswer = 1 << 20

// carefulTransport lets "no such flag" through only where the service really says so. The OFREP
// provider takes every 404 for it, also that of a wrong URL, and Guardian acts where its own switch
// does not exist.
type carefulTransport struct{ next http.RoundTripper }

// careful gives a copy of the client with a carefulTransport; nil is a plain client.
func careful(client *http.Client) *http.Client {
	out := http.Client{Timeout: DefaultTimeout}
	if client != nil {
		out = *client
	}
	next := out.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	out.Transport = carefulTransport{next}
	return &out
}

// RoundTrip implements http.RoundTripper.
func (c carefulTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	err = errors.Join(err, resp.Body.Close())
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	if resp.StatusCode == http.StatusNotFound {
		body, err = notFound(resp, body)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, err
}

// notFound judges a 404. Older flagd answers a disabled flag so
// (github.com/open-feature/flagd/core/pkg/service/ofrep, v0.12.1), which newer ones answer with 200
// and the reason DISABLED.
func notFound(resp *http.Response, body []byte) ([]byte, error) {
	var answer struct{ ErrorCode, ErrorDetails string }
	if json.Unmarshal(body, &answer) != nil || answer.ErrorCode != "FLAG_NOT_FOUND" {
		return nil, errors.New("it answers 404 without FLAG_NOT_FOUND: is the URL that of an OFREP service?")
	}
	if strings.HasSuffix(answer.ErrorDetails, "is disabled") {
		resp.StatusCode = http.StatusOK
		return []byte(`{"reason": "DISABLED"}`), nil
	}
	return body, nil
}
