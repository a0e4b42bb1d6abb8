package appconfig

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"
	"github.com/aws/aws-sdk-go-v2/service/appconfig/types"

	"github.com/cinegit/guardian/internal/adapter/flagapi"
	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/flag"
)

// DefaultTimeout bounds a call of AppConfig, with its retries, where no other timeout is given.
const DefaultTimeout = 5 * time.Second

// freeform is the type of a profile that holds a document of any kind, here flagd's.
const freeform = "AWS.Freeform"

// Place says where the document is. Its members are IDs, not names, as AppConfig's API takes
// nothing else and the right to list names would be one on every application.
type Place struct {
	Application, Environment, Profile string
	// Strategy is the deployment strategy of a change; empty is one named guardian-immediate, which
	// is made where it is missing.
	Strategy string
}

// profile is the document of a Place. The mark of a revision is the number of the environment's
// newest deployment.
type profile struct {
	client  *appconfig.Client
	at      Place
	timeout time.Duration

	mu       sync.Mutex
	name     string // as deployments name it; "" until it is known
	strategy string // "" until it is known
	last     version
}

// version is one hosted version, which never changes.
type version struct {
	number      string
	text        []byte
	contentType string
}

// New makes a store of the flagd document of a profile. Nothing is read yet. The timeout bounds one
// call with the SDK's retries; zero is DefaultTimeout.
func New(config aws.Config, at Place, timeout time.Duration) *flagd.Store {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return flagd.NewStore(&profile{
		client: appconfig.NewFromConfig(config), at: at, timeout: timeout, strategy: at.Strategy,
	})
}

// Name implements flagd.Source, as do Read and Replace.
func (p *profile) Name() string {
	return fmt.Sprintf("appconfig:%s/%s/%s", p.at.Application, p.at.Environment, p.at.Profile)
}

// Read gives what is deployed. It is dated by the start of its deployment, since that is when the
// first callers got it.
func (p *profile) Read(ctx context.Context) (flagd.Revision, error) {
	newest, live, err := p.deployments(ctx)
	if err != nil {
		return flagd.Revision{}, err
	}
	v, err := p.version(ctx, aws.ToString(live.ConfigurationVersion))
	if err != nil {
		return flagd.Revision{}, err
	}
	mark := strconv.Itoa(int(newest.DeploymentNumber))
	return flagd.Revision{Text: v.text, Modified: aws.ToTime(live.StartedAt), Mark: mark}, nil
}

// deployments gives the environment's newest deployment, of whatever profile and state, and the
// newest of this profile that callers get.
func (p *profile) deployments(ctx context.Context) (newest, live types.DeploymentSummary, err error) {
	name, err := p.knownName(ctx)
	if err != nil {
		return newest, live, err
	}
	pages := appconfig.NewListDeploymentsPaginator(p.client, &appconfig.ListDeploymentsInput{
		ApplicationId: &p.at.Application, EnvironmentId: &p.at.Environment,
	})
	for pages.HasMorePages() {
		page, err := call(ctx, p, "list deployments", func(ctx context.Context) (*appconfig.ListDeploymentsOutput, error) {
			return pages.NextPage(ctx)
		})
		if err != nil {
			return newest, live, err
		}
		for _, d := range page.Items { // the newest first
			if newest.DeploymentNumber == 0 {
				newest = d
			}
			if aws.ToString(d.ConfigurationName) == name && served(d.State) {
				return newest, d, nil
			}
		}
	}
	return newest, live, fmt.Errorf("%w: nothing is deployed to %s: deploy a flagd document there", flag.ErrUnavailable, p.Name())
}

// served tells whether all callers get what was deployed. A bake only watches alarms.
func served(state types.DeploymentState) bool {
	return state == types.DeploymentStateComplete || state == types.DeploymentStateBaking
}

// inProgress tells whether AppConfig would refuse another deployment.
func inProgress(state types.DeploymentState) bool {
	switch state {
	case types.DeploymentStateComplete, types.DeploymentStateRolledBack, types.DeploymentStateReverted, "":
		return false
	}
	return true
}

// version gets a hosted version, if it is not the one that was got last.
func (p *profile) version(ctx context.Context, number string) (version, error) {
	p.mu.Lock()
	last := p.last
	p.mu.Unlock()
	if last.number == number {
		return last, nil
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return version{}, fmt.Errorf("%w: %s has version %q deployed, which is no hosted one", flag.ErrInvalid, p.Name(), number)
	}
	out, err := call(ctx, p, "get version "+number, func(ctx context.Context) (*appconfig.GetHostedConfigurationVersionOutput, error) {
		return p.client.GetHostedConfigurationVersion(ctx, &appconfig.GetHostedConfigurationVersionInput{
			ApplicationId: &p.at.Application, ConfigurationProfileId: &p.at.Profile, VersionNumber: aws.Int32(int32(n)),
		})
	})
	if err != nil {
		return version{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = version{number, out.Content, aws.ToString(out.ContentType)}
	return p.last, nil
}

// knownName is the profile's name, by which deployments name what they deployed.
func (p *profile) knownName(ctx context.Context) (string, error) {
	p.mu.Lock()
	name := p.name
	p.mu.Unlock()
	if name != "" {
		return name, nil
	}
	out, err := call(ctx, p, "get the profile", func(ctx context.Context) (*appconfig.GetConfigurationProfileOutput, error) {
		return p.client.GetConfigurationProfile(ctx, &appconfig.GetConfigurationProfileInput{
			ApplicationId: &p.at.Application, ConfigurationProfileId: &p.at.Profile,
		})
	})
	if err != nil {
		return "", err
	}
	if kind, from := aws.ToString(out.Type), aws.ToString(out.LocationUri); kind != freeform && kind != "" || from != "hosted" {
		return "", fmt.Errorf("%w: %s is a profile of type %s at %s: Guardian keeps a flagd document in a profile of type %s at hosted",
			flag.ErrInvalid, p.Name(), kind, from, freeform)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.name = aws.ToString(out.Name)
	return p.name, nil
}

// call bounds a call by the timeout and says what it was for in its error.
func call[T any](ctx context.Context, p *profile, what string, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	out, err := do(ctx)
	if err != nil {
		err = fmt.Errorf("%s of %s: %w", what, p.Name(), flagapi.FromAWS(err))
	}
	return out, err
}

// conflict tells AppConfig's refusal of a change that somebody else's is in the way of.
func conflict(err error) bool { return errors.Is(err, flag.ErrConflict) }
