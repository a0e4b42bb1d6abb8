package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/events/argocd"
)

// Kind is one kind of what is taken in.
type Kind string

// The kinds.
const (
	Alerts    Kind = "alertmanager"
	AlertList Kind = "alerts" // the bare list of Prometheus and vmalert
	ArgoCD    Kind = "argocd"
)

// Envelope is what stands in the queue: a body that was parsed once and is kept as it came.
type Envelope struct {
	Kind       Kind      `json:"kind"`
	ReceivedAt time.Time `json:"receivedAt"`
	Body       []byte    `json:"body"`
}

func (k Kind) path() string {
	if k == AlertList {
		return "/webhooks/alertmanager/api/v2/alerts" // where an Alertmanager has it
	}
	return "/webhooks/" + string(k)
}

// group checks a body's form and says what must keep its order.
func (k Kind) group(body []byte) (string, error) {
	switch k {
	case Alerts:
		m, err := alertmanager.Parse(body)
		if err != nil {
			return "", err
		}
		return string(k) + short(m.GroupKey), nil
	case AlertList:
		// A group of its own: a list names no group, what fails to be handled must not hold up the others, and
		// its sender repeats what still fires every minute and what is over for a quarter of an hour.
		_, err := alertmanager.ParseList(body, time.Now())
		return string(k) + short(string(body)), err
	case ArgoCD:
		n, err := argocd.Parse(body)
		return string(k) + short(n.Namespace+"/"+n.Application), err
	}
	return "", fmt.Errorf("unknown kind %q", k)
}

func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "-" + hex.EncodeToString(sum[:6])
}
