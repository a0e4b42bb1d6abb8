package runtimeapi

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const root = "/2018-06-01/runtime/"

func (i *instance) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root+"invocation/next", i.serveNext)
	mux.HandleFunc("POST "+root+"invocation/{id}/response", i.serveResponse)
	mux.HandleFunc("POST "+root+"invocation/{id}/error", i.serveError)
	mux.HandleFunc("POST "+root+"init/error", i.serveInitError)
	return mux
}

// serveNext freezes the process until there is something to do.
func (i *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	if i.init == 0 {
		i.init, i.memory = time.Since(i.began), memoryOf(i.command.Process.Pid)
	}
	i.freeze()
	i.idle <- struct{}{} // there is room: whoever had the one before has taken it
	var in *invocation
	select {
	case in = <-i.next:
	case <-r.Context().Done():
		return
	case <-i.exited:
		return
	}
	i.mu.Lock()
	i.current = in
	i.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", in.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(in.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", ARN(i.function))
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
	i.thaw()
	_, _ = w.Write(in.payload) // the process is gone, then
}

func (i *instance) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		i.answer(w, r, failed(r.PathValue("id"), "Function.ResponseSizeTooLarge", "the answer is too large"), http.StatusRequestEntityTooLarge)
		return
	}
	i.answer(w, r, Result{RequestID: r.PathValue("id"), Payload: body}, http.StatusAccepted)
}

func (i *instance) serveError(w http.ResponseWriter, r *http.Request) {
	told := readError(r)
	told.RequestID = r.PathValue("id")
	i.answer(w, r, told, http.StatusAccepted)
}

func (i *instance) serveInitError(w http.ResponseWriter, r *http.Request) {
	i.initError = readError(r)
	w.WriteHeader(http.StatusAccepted)
}

// readError reads what a runtime tells of a failure.
func readError(r *http.Request) Result {
	var told struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload))
	if err == nil {
		err = json.Unmarshal(body, &told)
	}
	if err != nil {
		return failed("", cmp.Or(r.Header.Get("Lambda-Runtime-Function-Error-Type"), "Unhandled"), fmt.Sprintf("an error that is no JSON: %v", err))
	}
	return Result{Payload: body, Error: cmp.Or(told.Type, "Unhandled"), Message: told.Message}
}

func (i *instance) answer(w http.ResponseWriter, r *http.Request, result Result, status int) {
	i.mu.Lock()
	in := i.current
	if in != nil && in.id == r.PathValue("id") {
		i.current = nil
	}
	i.mu.Unlock()
	if in == nil || in.id != r.PathValue("id") {
		http.Error(w, `{"errorType": "InvalidRequestID", "errorMessage": "no such invocation is in hand"}`, http.StatusBadRequest)
		return
	}
	in.answer <- result
	w.WriteHeader(status)
}

// environment is what Lambda gives a process of provided.al2023, and what the function is configured with.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func environment(c Config, address string) []string {
	all := []string{
		"_HANDLER=bootstrap", "LANG=en_US.UTF-8", "TZ=:UTC",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin", "LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/task",
		"LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime",
		"AWS_LAMBDA_RUNTIME_API=" + address,
		"AWS_LAMBDA_FUNCTION_NAME=" + c.Name, "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(c.Memory),
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + c.Name, "AWS_LAMBDA_LOG_STREAM_NAME=2026/11/22/[$LATEST]0",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_REGION=" + Region, "AWS_DEFAULT_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=ASIATEST", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=test",
	}
	for name, value := range c.Env {
		all = append(all, name+"="+value)
	}
	return all
}

// The account and region of all functions.
const (
	Region  = "eu-west-1"
	Account = "123456789012"
)

// ARN is the name of a function as AWS writes it.
func ARN(function string) string {
	return "arn:aws:lambda:" + Region + ":" + Account + ":function:" + function
}

func newID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	s := hex.EncodeToString(raw[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
