package flagstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/cinegit/guardian/internal/adapter/appconfig"
	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/adapter/flagds3"
	"github.com/cinegit/guardian/internal/adapter/httpclient"
	"github.com/cinegit/guardian/internal/adapter/launchdarkly"
	"github.com/cinegit/guardian/internal/adapter/openfeature"
	"github.com/cinegit/guardian/internal/adapter/unleash"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/policy"
)

// opened is a store with what can be asked of it beside flag.Store.
type opened struct {
	store    flag.Store
	probe    func(context.Context) error
	document openfeature.Document // nil where the store keeps no flagd document
}

// open makes the store that a policy names.
func open(ctx context.Context, c policy.Flags, token Token) (opened, error) {
	switch {
	case c.Unleash != policy.Unleash{}:
		return openUnleash(c, token)
	case c.LaunchDarkly != policy.LaunchDarkly{}:
		return openLaunchDarkly(c, token)
	case c.AppConfig != policy.AppConfig{}:
		return openAppConfig(ctx, c)
	case strings.HasPrefix(c.FlagD, "s3://"):
		return openS3(ctx, c)
	}
	return kept(flagd.New(c.FlagD)), nil
}

// kept is a store of a flagd document: it can be read if all of it can.
func kept(store *flagd.Store) opened {
	probe := func(ctx context.Context) error { _, err := store.All(ctx); return err }
	return opened{store: store, probe: probe, document: store.Document}
}

func openS3(ctx context.Context, c policy.Flags) (opened, error) {
	account, err := awsConfig(ctx)
	if err != nil {
		return opened{}, err
	}
	store, err := flagds3.New(account, c.FlagD, c.Timeout.D())
	if err != nil {
		return opened{}, err
	}
	return kept(store), nil
}

func openAppConfig(ctx context.Context, c policy.Flags) (opened, error) {
	account, err := awsConfig(ctx)
	if err != nil {
		return opened{}, err
	}
	return kept(appconfig.New(account, appconfig.Place(c.AppConfig), c.Timeout.D())), nil
}

// awsConfig is the AWS SDK's own: environment, profile, role. What fails is returned as an error; the
// SDK's log would go past ours.
func awsConfig(ctx context.Context) (aws.Config, error) {
	out, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}))
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return out, nil
}

func openUnleash(c policy.Flags, token Token) (opened, error) {
	u := c.Unleash
	client, err := httpclient.New(httpclient.Config{CAFile: u.CAFile, Insecure: u.Insecure, Timeout: c.Timeout.D()})
	if err != nil {
		return opened{}, err
	}
	store := unleash.New(unleash.Config{
		URL: u.URL, Project: u.Project, Environment: u.Environment,
		HTTP: client, Timeout: c.Timeout.D(), Token: token(u.Token),
	})
	return opened{store: store, probe: store.Probe}, nil
}

func openLaunchDarkly(c policy.Flags, token Token) (opened, error) {
	client, err := httpclient.New(httpclient.Config{Timeout: c.Timeout.D()})
	if err != nil {
		return opened{}, err
	}
	store := launchdarkly.New(launchdarkly.Config{
		URL: c.LaunchDarkly.URL, Project: c.LaunchDarkly.Project, Environment: c.LaunchDarkly.Environment,
		HTTP: client, Timeout: c.Timeout.D(), Token: token(c.LaunchDarkly.Token),
	})
	return opened{store: store, probe: store.Probe}, nil
}
