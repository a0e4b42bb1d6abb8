package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/cinegit/guardian/internal/adapter/httpclient"
)

// ErrPermanent is wrapped by an error of Channel.Send when another try cannot help.
var ErrPermanent = errors.New("not to be tried again")

// maxRetryAfter bounds what a receiver may ask for: a message that comes an hour late is late enough.
const maxRetryAfter = time.Hour

// maxReply bounds what is read of a receiver's reply, in bytes.
const maxReply = 4 << 10

// Error is a receiver's answer other than yes.
type Error struct {
	Status     int           // HTTP status
	RetryAfter time.Duration // how long the receiver asks to wait, at most an hour; 0 if it does not ask
	Reason     string        // the receiver's own word, where it is known to be harmless
}

// Error tells the status in words.
func (e *Error) Error() string {
	text := fmt.Sprintf("the receiver answers %d %s", e.Status, http.StatusText(e.Status))
	switch {
	case e.Reason != "":
		return text + ": " + e.Reason
	case e.Status/100 == 3:
		return text + ": give the address that it redirects to"
	}
	return text
}

// Is tells that errors.Is(err, ErrPermanent) where the same message would be refused again.
func (e *Error) Is(target error) bool {
	retry := e.Status >= 500 || e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests
	return target == ErrPermanent && !retry
}

// post sends a JSON body. Its errors never hold the URL, which can be a secret, nor the body.
func post(ctx context.Context, client *http.Client, url string, body []byte, headers map[string]string) (reply string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("%w: the address is not a URL", ErrPermanent)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "guardian")
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", httpclient.WithoutURL(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxReply)) // the status alone decides
	if resp.StatusCode/100 == 2 {
		return string(text), nil
	}
	return string(text), &Error{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
}

// retryAfter reads the header in both its forms, seconds and date (RFC 9110, 10.2.3).
func retryAfter(header string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.Atoi(header); err == nil {
		wait = time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
