package flagapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/adapter/httpclient"
	"github.com/cinegit/guardian/internal/flag"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 16 << 20

// Client calls a JSON API that takes its token as the whole Authorization header, as flag services
// do. Many goroutines may use it at once.
type Client struct {
	URL     string // base, without a slash at its end
	HTTP    *http.Client
	Timeout time.Duration // of one call, with its waits for a rate limit; zero is httpclient.DefaultTimeout
	// Token is asked before every call, so that a rotated token is seen.
	Token func(ctx context.Context) (string, error)
}

// Call is one request.
type Call struct {
	Method      string
	Path        []string // segments, not escaped
	Query       url.Values
	ContentType string // application/json where empty
	In          any    // encoded as the body; nil is none
	Out         any    // decoded from the answer; nil reads it away
}

// Do makes a call. A rate limit (429) is waited out where the timeout leaves time for it; nothing
// else is tried again. Errors wrap the error of package flag that Sentinel gives, or
// flag.ErrUnavailable where no whole answer came: then a change may have landed all the same.
func (c *Client) Do(ctx context.Context, call Call) error {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = httpclient.DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var body []byte
	if call.In != nil {
		var err error
		if body, err = json.Marshal(call.In); err != nil {
			return fmt.Errorf("%w: encode the request: %w", flag.ErrInvalid, err)
		}
	}
	for {
		wait, err := c.try(ctx, call, body)
		if err == nil || wait < 0 || !pause(ctx, wait) {
			return err
		}
	}
}

// try sends the request once. A wait of zero or more says after how long to send it again.
func (c *Client) try(ctx context.Context, call Call, body []byte) (wait time.Duration, err error) {
	token, err := c.Token(ctx)
	if err != nil {
		return -1, fmt.Errorf("%w: get token: %w", flag.ErrUnavailable, err)
	}
	resp, err := c.send(ctx, call, token, body)
	if err != nil {
		return -1, fmt.Errorf("%w: %w", flag.ErrUnavailable, httpclient.WithoutURL(err))
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return -1, fmt.Errorf("%w: read the answer: %w", flag.ErrUnavailable, err)
	}
	if len(answer) > maxAnswer {
		return -1, fmt.Errorf("%w: the answer is larger than %d bytes", flag.ErrUnavailable, maxAnswer)
	}
	if resp.StatusCode/100 != 2 {
		err := fmt.Errorf("%w: %s%s", Sentinel(resp.StatusCode), resp.Status, reason(answer, token))
		return retryAfter(resp), err
	}
	if call.Out == nil {
		return -1, nil
	}
	if err := json.Unmarshal(answer, call.Out); err != nil {
		return -1, fmt.Errorf("%w: the answer is not understood: %w", flag.ErrUnavailable, err)
	}
	return -1, nil
}

func (c *Client) send(ctx context.Context, call Call, token string, body []byte) (*http.Response, error) {
	address := c.URL
	for _, segment := range call.Path {
		address += "/" + url.PathEscape(segment)
	}
	if len(call.Query) > 0 {
		address += "?" + call.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, address, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the request cannot be made: is the URL right?") // err repeats the URL
	}
	req.Header.Set("Authorization", token)
	req.Header.Set("Accept", "application/json")
	if call.In != nil {
		contentType := call.ContentType
		if contentType == "" {
			contentType = "application/json"
		}
		req.Header.Set("Content-Type", contentType)
	}
	return c.HTTP.Do(req)
}

// retryAfter says how long a rate limit asks to wait; below zero where it is none.
func retryAfter(resp *http.Response) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests {
		return -1
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		seconds = 1
	}
	return time.Duration(seconds) * time.Second
}

// pause waits, unless the context ends before.
func pause(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reason is what an error's answer says, in one short line and without the token, should a service
// repeat it.
func reason(answer []byte, token string) string {
	var said struct {
		Message string
		Details []struct{ Message string }
	}
	if json.Unmarshal(answer, &said) != nil || said.Message == "" {
		return ""
	}
	text := said.Message
	for _, d := range said.Details {
		if !strings.Contains(text, d.Message) {
			text += "; " + d.Message
		}
	}
	if token != "" {
		text = strings.ReplaceAll(text, token, "***")
	}
	text = strings.Join(strings.Fields(text), " ")
	const most = 300
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return ": " + text
}
