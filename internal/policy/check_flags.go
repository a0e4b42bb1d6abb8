package policy

import (
	"fmt"
	"regexp"
	"strings"
)

func (c checker) flagConnection(at pointer, f Flags) {
	var named []string
	for _, store := range []string{"flagd", "appconfig", "unleash", "launchdarkly"} {
		if c.r.places.has(at.key(store)) {
			named = append(named, store)
		}
	}
	switch {
	case len(named) == 0 && c.hasFlags():
		c.flaw(at.key("flagd"), "services declare flags, and there is no connection to a flag store", "add flags: {flagd: PATH} to the connections, or appconfig, unleash or launchdarkly")
	case len(named) > 1:
		c.flaw(at.key(named[1]), fmt.Sprintf("flags names two stores, %s and %s", named[0], named[1]), "keep the one that the applications read")
	}
	c.document(at.key("flagd"), f.FlagD)
	c.appConfig(at.key("appconfig"), f.AppConfig)
	c.unleash(at.key("unleash"), f.Unleash)
	c.webURL(at.key("launchdarkly").key("url"), f.LaunchDarkly.URL)
	c.webURL(at.key("ofrep"), f.OFREP)
}

// document checks the place of a flagd document: a path, or s3://bucket/key.
func (c checker) document(at pointer, place string) {
	scheme, rest, ok := strings.Cut(place, "://")
	if !ok {
		return
	}
	bucket, key, _ := strings.Cut(rest, "/")
	switch {
	case scheme != "s3":
		c.hidePassword(at, place)
		c.flaw(at, fmt.Sprintf("flagd cannot be read from %s", short(scheme)), "write the path of the flagd definition document, as /etc/guardian/flags.json, or s3://bucket/key")
	case bucket == "" || key == "" || strings.ContainsAny(bucket, "@:"):
		c.hidePassword(at, place)
		c.flaw(at, "flagd is not the address of a document in S3", "write it as s3://bucket/key")
	}
}

// What AppConfig takes for an ID, and for that of a deployment strategy
// (https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StartDeployment.html).
var (
	appConfigID         = regexp.MustCompile(`^[a-z0-9]{4,7}$`)
	appConfigStrategyID = regexp.MustCompile(`^([a-z0-9]{4,7}|AppConfig\.[A-Za-z0-9]{9,40})$`)
)

func (c checker) appConfig(at pointer, a AppConfig) {
	for _, f := range []struct {
		name, value string
		shape       *regexp.Regexp
	}{
		{"application", a.Application, appConfigID}, {"environment", a.Environment, appConfigID}, {"profile", a.Profile, appConfigID}, {"strategy", a.Strategy, appConfigStrategyID},
	} {
		if f.value != "" && !f.shape.MatchString(f.value) {
			c.flaw(at.key(f.name), fmt.Sprintf("%s is not an ID of AppConfig", f.name), "write its ID, as abc1234, not its name: the console and the outputs of a stack show it")
		}
	}
}

func (c checker) unleash(at pointer, u Unleash) {
	c.webURL(at.key("url"), u.URL)
	if strings.HasSuffix(strings.TrimRight(u.URL, "/"), "/api") {
		c.flaw(at.key("url"), "url ends with /api", "write the server's URL without it")
	}
}
