package policy

import (
	"fmt"
	"net/url"
	"strings"
)

func (c checker) server() {
	c.webURL("/server/url", c.Server.URL)
	if len(c.Server.WebhookTokens) > 2 {
		c.flaw("/server/webhookTokens/2", "there are more than two webhookTokens", "keep the new one, and the old one while rotating")
	}
	for name := range sorted(c.Server.Operators) {
		if strings.TrimSpace(name) == "" {
			c.flawInName(pointer("/server/operators").key(name), "an operator has no name", "name the person or team, as alice: env:ALICE_TOKEN")
		}
	}
}

func (c checker) connections() {
	argocd, flags := pointer("/connections/argocd"), pointer("/connections/flags")
	if c.hasStages() && c.Connections.ArgoCD.Server == "" {
		c.flaw(argocd.key("server"), "the stages need a connection to Argo CD, and there is none", "add argocd: {server: argocd.example.org, token: env:ARGOCD_TOKEN} to the connections")
	}
	if strings.ContainsAny(c.Connections.ArgoCD.Server, "/@ ?#") {
		c.hidePassword(argocd.key("server"), c.Connections.ArgoCD.Server)
		c.flaw(argocd.key("server"), "server is not host[:port]", "write the name alone, as argocd.example.org or argocd.example.org:443")
	}
	c.positive(argocd.key("timeout"), c.Connections.ArgoCD.Timeout)

	prometheus := pointer("/connections/prometheus")
	c.webURL(prometheus.key("url"), c.Connections.Prometheus.URL)
	if c.r.places.has(prometheus.key("externalURL")) {
		c.webURL(prometheus.key("externalURL"), c.Connections.Prometheus.ExternalURL)
	}
	c.positive(prometheus.key("timeout"), c.Connections.Prometheus.Timeout)

	c.flagConnection(flags, c.Connections.Flags)
	c.positive(flags.key("timeout"), c.Connections.Flags.Timeout)
}

func (c checker) hasStages() bool {
	for _, s := range c.Services {
		if len(s.Stages) > 0 {
			return true
		}
	}
	return false
}

func (c checker) hasFlags() bool {
	for _, s := range c.Services {
		if len(s.Flags) > 0 {
			return true
		}
	}
	return false
}

func (c checker) notify() {
	for i, channel := range c.Notify {
		at := pointer("/notify").index(i)
		slack, webhook := c.r.places.has(at.key("slack")), c.r.places.has(at.key("webhook"))
		switch {
		case slack && webhook:
			c.flaw(at, "the channel has both slack and webhook", "make two channels of it")
		case !slack && !webhook && !c.broken(at, "slack", "webhook"):
			c.flaw(at, "the channel has neither slack nor webhook", "add one of them, as slack: env:SLACK_URL")
		}
		if slack && c.r.places.has(at.key("token")) {
			c.flaw(at.key("token"), "a Slack channel takes no token", "remove it: the URL of the incoming webhook is the secret")
		}
		c.webURL(at.key("webhook"), channel.Webhook)
		c.positive(at.key("timeout"), channel.Timeout)
	}
}

// webURL checks a URL where there is one. It may hold a password, so that neither it nor the
// parser's words, which repeat it, are told.
func (c checker) webURL(at pointer, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		c.hidePassword(at, text)
		c.flaw(at, at.last()+" is not a URL", "write one like https://host or http://host:9090/path")
	case u.User != nil:
		c.hidePassword(at, text)
		c.flaw(at, at.last()+" holds a user name or password", "take it out of the URL; where a token is needed, token takes a reference to it")
	}
}

// hidePassword stars out an address in which somebody may have written a password or token.
func (c checker) hidePassword(at pointer, address string) {
	if strings.ContainsAny(address, "@?") {
		c.r.hideScalars(c.r.places[at].node)
	}
}

func (c checker) limits() {
	at, l := pointer("/limits"), c.Limits
	c.positive(at.key("alertMaxAge"), l.AlertMaxAge)
	c.positive(at.key("blameWindow"), l.BlameWindow)
	c.positive(at.key("approval"), l.Approval)
	if l.Share <= 0 || l.Share > 1 {
		c.flaw(at.key("share"), fmt.Sprintf("share cannot be %s", l.Share), "write a percentage above 0% and at most 100%")
	}
	if l.Fleet.Count < 1 {
		c.flaw(at.key("fleet"), "fleet allows no remedy at all", "write it like 3 in 15m; to only watch, set mode: observe")
	}
}
