package appconfig

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"
	"github.com/aws/aws-sdk-go-v2/service/appconfig/types"

	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/flag"
)

const (
	immediate  = "guardian-immediate" // the name of Guardian's own deployment strategy
	deployTime = 30 * time.Second     // bounds the wait for a deployment
	pollTime   = 500 * time.Millisecond
	why        = "changed by Guardian"
)

// Replace makes a new version of the document and deploys it, if nothing else was deployed to the
// environment since was. It returns when callers get it.
func (p *profile) Replace(ctx context.Context, was flagd.Revision, next []byte) error {
	newest, live, err := p.deployments(ctx)
	if err != nil {
		return err
	}
	if strconv.Itoa(int(newest.DeploymentNumber)) != was.Mark {
		return flagd.ErrMoved
	}
	if inProgress(newest.State) {
		return fmt.Errorf("%w: deployment %d is in progress in environment %s", flag.ErrConflict, newest.DeploymentNumber, p.at.Environment)
	}
	strategy, err := p.knownStrategy(ctx)
	if err != nil {
		return err
	}
	base, err := p.version(ctx, aws.ToString(live.ConfigurationVersion))
	if err != nil {
		return err
	}
	number, err := p.create(ctx, base.contentType, next)
	if conflict(err) {
		return flagd.ErrMoved
	}
	if err != nil {
		return err
	}
	return p.deploy(ctx, newest.DeploymentNumber, number, strategy)
}

// create makes a version after the newest one.
func (p *profile) create(ctx context.Context, contentType string, text []byte) (int32, error) {
	var latest int32
	pages := appconfig.NewListHostedConfigurationVersionsPaginator(p.client, &appconfig.ListHostedConfigurationVersionsInput{
		ApplicationId: &p.at.Application, ConfigurationProfileId: &p.at.Profile,
	})
	for pages.HasMorePages() {
		page, err := call(ctx, p, "list versions", func(ctx context.Context) (*appconfig.ListHostedConfigurationVersionsOutput, error) {
			return pages.NextPage(ctx)
		})
		if err != nil {
			return 0, err
		}
		for _, v := range page.Items {
			latest = max(latest, v.VersionNumber)
		}
	}
	out, err := call(ctx, p, "create a version", func(ctx context.Context) (*appconfig.CreateHostedConfigurationVersionOutput, error) {
		return p.client.CreateHostedConfigurationVersion(ctx, &appconfig.CreateHostedConfigurationVersionInput{
			ApplicationId: &p.at.Application, ConfigurationProfileId: &p.at.Profile,
			Content: text, ContentType: &contentType, LatestVersionNumber: &latest, Description: aws.String(why),
		})
	})
	if err != nil {
		return 0, err
	}
	return out.VersionNumber, nil
}

// deploy deploys a version as the deployment right after the one that it was computed from. A
// version that does not come to be deployed is deleted, lest somebody takes it for a draft. The SDK
// does not try again by itself: it would take its own first attempt for somebody else's deployment.
func (p *profile) deploy(ctx context.Context, after, number int32, strategy string) error {
	out, err := call(ctx, p, "deploy", func(ctx context.Context) (*appconfig.StartDeploymentOutput, error) {
		return p.client.StartDeployment(ctx, &appconfig.StartDeploymentInput{
			ApplicationId: &p.at.Application, EnvironmentId: &p.at.Environment, ConfigurationProfileId: &p.at.Profile,
			ConfigurationVersion: aws.String(strconv.Itoa(int(number))), DeploymentStrategyId: &strategy, Description: aws.String(why),
		}, func(o *appconfig.Options) { o.Retryer = aws.NopRetryer{} })
	})
	if err != nil && !maybeLanded(err) {
		p.discard(ctx, number)
	}
	if conflict(err) {
		return flagd.ErrMoved
	}
	if err != nil {
		return err
	}
	if out.DeploymentNumber != after+1 {
		return p.takeBack(ctx, out.DeploymentNumber)
	}
	return p.wait(ctx, out.DeploymentNumber, out.State)
}

// takeBack reverts a deployment of ours that another's came before, and so puts theirs back.
func (p *profile) takeBack(ctx context.Context, number int32) error {
	_, err := call(context.WithoutCancel(ctx), p, fmt.Sprintf("take back deployment %d", number), func(ctx context.Context) (*appconfig.StopDeploymentOutput, error) {
		return p.client.StopDeployment(ctx, &appconfig.StopDeploymentInput{
			ApplicationId: &p.at.Application, EnvironmentId: &p.at.Environment,
			DeploymentNumber: &number, AllowRevert: aws.Bool(true),
		})
	})
	if err != nil {
		return fmt.Errorf("another deployment came in between, and ours stands: %w", err)
	}
	return flagd.ErrMoved
}

// wait waits until callers get a deployment.
func (p *profile) wait(ctx context.Context, number int32, state types.DeploymentState) error {
	ctx, cancel := context.WithTimeout(ctx, deployTime)
	defer cancel()
	poll := time.NewTicker(pollTime)
	defer poll.Stop()
	for {
		switch {
		case served(state):
			return nil
		case !inProgress(state) || state == types.DeploymentStateRollingBack:
			return fmt.Errorf("%w: deployment %d of %s was rolled back, by an alarm or by somebody", flag.ErrConflict, number, p.Name())
		}
		now, err := call(ctx, p, fmt.Sprintf("look at deployment %d", number), func(ctx context.Context) (*appconfig.GetDeploymentOutput, error) {
			return p.client.GetDeployment(ctx, &appconfig.GetDeploymentInput{
				ApplicationId: &p.at.Application, EnvironmentId: &p.at.Environment, DeploymentNumber: &number,
			})
		})
		if err != nil {
			return err
		}
		if state = now.State; served(state) {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: deployment %d of %s goes on: %w", flag.ErrUnavailable, number, p.Name(), ctx.Err())
		}
	}
}

// discard deletes a version that was not deployed. That it may fail changes nothing.
func (p *profile) discard(ctx context.Context, number int32) {
	_, _ = call(context.WithoutCancel(ctx), p, "delete a version", func(ctx context.Context) (*appconfig.DeleteHostedConfigurationVersionOutput, error) {
		return p.client.DeleteHostedConfigurationVersion(ctx, &appconfig.DeleteHostedConfigurationVersionInput{
			ApplicationId: &p.at.Application, ConfigurationProfileId: &p.at.Profile, VersionNumber: &number,
		})
	})
}
