// Package stepfunctions carries out the remediation's state machine in AWS Step Functions.
//
// The caller's role needs states:StartExecution and ListExecutions on the state machine,
// states:DescribeExecution on its executions, and states:SendTaskSuccess and SendTaskHeartbeat.
package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/cinegit/guardian/internal/upkeep"
)

// Machine is one state machine. An execution has its incident's ID as its name.
type Machine struct {
	client *sfn.Client
	arn    string
}

var _ upkeep.Machine = (*Machine)(nil)

// New gives the state machine of an ARN; one that only answers and beats needs no ARN. Nothing is connected
// to before the first call.
func New(cfg aws.Config, arn string) *Machine {
	return &Machine{client: sfn.NewFromConfig(cfg), arn: arn}
}

// Start implements upkeep.Machine. Step Functions remembers the names of executions that have ended for
// 90 days (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
func (m *Machine) Start(ctx context.Context, id string) error {
	input, err := json.Marshal(map[string]string{"id": id})
	if err != nil {
		return fmt.Errorf("start %s: %w", id, err)
	}
	_, err = m.client.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &m.arn, Name: &id, Input: aws.String(string(input)),
	})
	var exists *types.ExecutionAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("start %s: %w", id, err)
	}
	return nil
}

// Over implements upkeep.Machine. An execution that was only just started may not be known yet: it is not over.
func (m *Machine) Over(ctx context.Context, id string) (over bool, how string, err error) {
	execution := strings.Replace(m.arn, ":stateMachine:", ":execution:", 1) + ":" + id
	x, err := m.client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &execution})
	var unknown *types.ExecutionDoesNotExist
	if errors.As(err, &unknown) {
		return false, "", nil
	}
	if err != nil {
		return false, "", fmt.Errorf("describe execution %s: %w", id, err)
	}
	running := x.Status == types.ExecutionStatusRunning || x.Status == types.ExecutionStatusPendingRedrive
	return !running, string(x.Status), nil
}

// Asking implements upkeep.Machine: all that run, since Step Functions does not list them by state.
func (m *Machine) Asking(ctx context.Context) ([]string, error) {
	pages := sfn.NewListExecutionsPaginator(m.client, &sfn.ListExecutionsInput{
		StateMachineArn: &m.arn, StatusFilter: types.ExecutionStatusRunning, MaxResults: 1000,
	})
	var running []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list executions: %w", err)
		}
		for _, x := range page.Executions {
			running = append(running, aws.ToString(x.Name))
		}
	}
	return running, nil
}

// Answer implements upkeep.Machine.
func (m *Machine) Answer(ctx context.Context, token string, output json.RawMessage) error {
	_, err := m.client.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: &token, Output: aws.String(string(output))})
	return unlessOver("answer", err)
}

// Heartbeat implements upkeep.Machine.
func (m *Machine) Heartbeat(ctx context.Context, token string) error {
	_, err := m.client.SendTaskHeartbeat(ctx, &sfn.SendTaskHeartbeatInput{TaskToken: &token})
	return unlessOver("heartbeat", err)
}

// unlessOver forgives that nobody waits for a token: what waited has its answer, or is over.
func unlessOver(what string, err error) error {
	var over *types.TaskTimedOut
	var none *types.TaskDoesNotExist
	var unknown *types.InvalidToken
	if err == nil || errors.As(err, &over) || errors.As(err, &none) || errors.As(err, &unknown) {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
