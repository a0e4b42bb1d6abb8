package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
)

const (
	maxForm   = 1 << 20
	maxPoints = 11_000 // a series, as in Prometheus
)

// Handler serves the part of Prometheus' HTTP API that Guardian and client_golang read: queries
// by GET and POST, readiness and build information
// (https://prometheus.io/docs/prometheus/latest/querying/api/).
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/query", s.handle(s.queryInstant))
	mux.HandleFunc("/api/v1/query_range", s.handle(s.queryRange))
	mux.HandleFunc("/api/v1/status/buildinfo", s.handle(func(*http.Request) (any, error) {
		return map[string]string{"version": "sandbox", "goVersion": "go"}, nil
	}))
	mux.HandleFunc("/-/ready", func(w http.ResponseWriter, r *http.Request) {
		if s.faults(r.Context()) != nil {
			http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "Prometheus Server is Ready.")
	})
	return mux
}

// response is the envelope of every answer of the API.
type response struct {
	Status    string `json:"status"`
	Data      any    `json:"data,omitempty"`
	ErrorType string `json:"errorType,omitempty"`
	Error     string `json:"error,omitempty"`
}

type queryData struct {
	ResultType model.ValueType `json:"resultType"`
	Result     model.Value     `json:"result"`
}

func (s *Server) handle(answer func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.faults(r.Context()) != nil {
			http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		data, err := answer(r)
		if err != nil {
			code, kind := classify(err)
			reply(w, code, response{Status: "error", ErrorType: kind, Error: err.Error()})
			return
		}
		reply(w, http.StatusOK, response{Status: "success", Data: data})
	}
}

func reply(w http.ResponseWriter, code int, body response) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // an error here is the caller gone
}

// errParameter is a parameter that cannot be read.
var errParameter = errors.New("invalid parameter")

func classify(err error) (code int, errorType string) {
	var timeout promql.ErrQueryTimeout
	var canceled promql.ErrQueryCanceled
	switch {
	case errors.Is(err, errParameter), errors.Is(err, errParse):
		return http.StatusBadRequest, "bad_data"
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "timeout"
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable, "canceled"
	}
	return http.StatusUnprocessableEntity, "execution"
}

func (s *Server) queryInstant(r *http.Request) (any, error) {
	at, err := moment(r, "time", time.Now())
	if err != nil {
		return nil, err
	}
	value, err := s.instant(r.Context(), r.FormValue("query"), at)
	if err != nil {
		return nil, err
	}
	return queryData{ResultType: value.Type(), Result: value}, nil
}

func (s *Server) queryRange(r *http.Request) (any, error) {
	from, err := moment(r, "start", time.Time{})
	if err != nil {
		return nil, err
	}
	to, err := moment(r, "end", time.Time{})
	if err != nil {
		return nil, err
	}
	step, err := seconds(r.FormValue("step"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w step: %w", errParameter, err)
	case step <= 0:
		return nil, fmt.Errorf("%w step: it must be above zero", errParameter)
	case to.Before(from):
		return nil, fmt.Errorf("%w end: it is before start", errParameter)
	case to.Sub(from)/step > maxPoints:
		return nil, fmt.Errorf("%w step: more than %d points a series", errParameter, maxPoints)
	}
	value, err := s.ranged(r.Context(), r.FormValue("query"), from, to, step)
	if err != nil {
		return nil, err
	}
	return queryData{ResultType: value.Type(), Result: value}, nil
}

// moment reads Unix seconds or RFC 3339; a zero otherwise means that the parameter is required.
func moment(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	text := r.FormValue(name)
	if text == "" && !otherwise.IsZero() {
		return otherwise, nil
	}
	if unix, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(unix) < math.MaxInt64/1e6 {
		whole, fraction := math.Modf(unix)
		return time.Unix(int64(whole), int64(math.Round(fraction*1000))*int64(time.Millisecond)).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w %s: %q is neither Unix seconds nor RFC 3339", errParameter, name, text)
	}
	return at, nil
}

// seconds reads a number of seconds or a duration as 15s.
func seconds(text string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(n) < math.MaxInt64/1e9 {
		return time.Duration(n * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(text)
	return time.Duration(d), err
}
