package appconfig

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"
	"github.com/aws/aws-sdk-go-v2/service/appconfig/types"

	"github.com/cinegit/guardian/internal/flag"
)

// maybeLanded tells whether a change may have been made although its call failed.
func maybeLanded(err error) bool { return errors.Is(err, flag.ErrUnavailable) }

// knownStrategy is the deployment strategy: the one that was named, or Guardian's own. AppConfig's
// predefined AllAtOnce would not do: it bakes for ten minutes, and refuses an undo all that time.
func (p *profile) knownStrategy(ctx context.Context) (string, error) {
	p.mu.Lock()
	known := p.strategy
	p.mu.Unlock()
	if known != "" {
		return known, nil
	}
	id, err := p.findStrategy(ctx)
	if err == nil && id == "" {
		id, err = p.makeStrategy(ctx)
	}
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strategy = id
	return id, nil
}

// findStrategy looks for a strategy of that name which nobody has slowed down; "" is none.
func (p *profile) findStrategy(ctx context.Context) (string, error) {
	pages := appconfig.NewListDeploymentStrategiesPaginator(p.client, &appconfig.ListDeploymentStrategiesInput{})
	for pages.HasMorePages() {
		page, err := call(ctx, p, "list deployment strategies for a change", func(ctx context.Context) (*appconfig.ListDeploymentStrategiesOutput, error) {
			return pages.NextPage(ctx)
		})
		if err != nil {
			return "", err
		}
		for _, s := range page.Items {
			if aws.ToString(s.Name) == immediate && s.DeploymentDurationInMinutes == 0 && s.FinalBakeTimeInMinutes == 0 {
				return aws.ToString(s.Id), nil
			}
		}
	}
	return "", nil
}

func (p *profile) makeStrategy(ctx context.Context) (string, error) {
	out, err := call(ctx, p, "create a deployment strategy for a change", func(ctx context.Context) (*appconfig.CreateDeploymentStrategyOutput, error) {
		return p.client.CreateDeploymentStrategy(ctx, &appconfig.CreateDeploymentStrategyInput{
			Name: aws.String(immediate), Description: aws.String("At once and to all, without a bake: flags that Guardian puts to safe"),
			DeploymentDurationInMinutes: aws.Int32(0), FinalBakeTimeInMinutes: 0, GrowthFactor: aws.Float32(100),
			GrowthType: types.GrowthTypeLinear, ReplicateTo: types.ReplicateToNone,
		})
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Id), nil
}
