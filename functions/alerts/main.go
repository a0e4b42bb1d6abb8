// Alerts takes alerts in: Alertmanager's webhooks at its Function URL, and what Amazon Managed Prometheus
// sends to an SNS topic, whose message must be the JSON of such a webhook.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cinegit/guardian/internal/intake"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/edge"
)

func main() { lambdakit.Start("alerts", build) }

func build(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	e, err := edge.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	return lambdakit.Sources{
		HTTP: e.Webhooks(intake.Alerts, intake.AlertList),
		SNS: func(ctx context.Context, n events.SNSEntity) error {
			return e.Take(ctx, "sns", intake.Alerts, n.Message)
		},
	}, nil
}
