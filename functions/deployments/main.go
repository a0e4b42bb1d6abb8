// Deployments takes Argo CD's notifications in: its webhooks at a Function URL, and what its SQS service
// sends to a queue, with IAM.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cinegit/guardian/internal/intake"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/edge"
)

func main() { lambdakit.Start("deployments", build) }

func build(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	e, err := edge.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	return lambdakit.Sources{
		HTTP: e.Webhooks(intake.ArgoCD),
		SQS: func(ctx context.Context, m events.SQSMessage) error {
			return e.Take(ctx, "argocd-queue", intake.ArgoCD, m.Body)
		},
	}, nil
}
