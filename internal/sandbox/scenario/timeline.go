package scenario

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A timeline has one happening a line: minutes and seconds since the start, a word, what it is about.
// A # begins a comment.
//
//	00:00 deploy   APPLICATION RELEASE [PERSON]     a release is made, and synced unless auto-sync does it
//	00:00 breaks   TAG|KEY=VARIANT SHARE            while that runs, this share of requests fails
//	00:00 flag     KEY VARIANT                      a person changes a flag
//	00:00 app      APPLICATION WHAT VALUE           see remedytest.ArgoCD.Set
//	00:00 alert    NAME SERVICE STAGE [since MM:SS] Alertmanager posts a firing alert
//	00:00 again    NAME SERVICE STAGE               it posts the same one once more
//	00:00 resolve  NAME SERVICE STAGE               it posts that the alert is over
//	00:00 metrics  up|down|silent
//	00:00 argocd   up|down
//	00:00 flags    up|down
//	00:00 fail     METHOD unavailable|denied|busy [landed]   the next call of that method fails
//	00:00 switch   on|off                           Guardian's own switch
//	00:00 approve  PERSON                           the latest incident's suggestion; also: reject, undo
//	00:00 release  SERVICE STAGE PERSON [lift]
//	00:00 freeze   SERVICE STAGE PERSON MINUTES
//	00:00 admit    SERVICE STAGE RELEASE
//	00:00 policy   FILE                             the policy is this part of the file from now on
//	00:00 read                                      what people find in their channels
//	00:00 kill                                      the process dies and begins anew
//	00:00 end                                       nothing is looked at after this
type happening struct {
	at   time.Duration
	verb string
	args []string
}

func parseTimeline(text string) (all []happening, end time.Duration, err error) {
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		at, err := parseClock(words[0])
		if err != nil {
			return nil, 0, fmt.Errorf("timeline line %d: %w", n+1, err)
		}
		if len(words) < 2 {
			return nil, 0, fmt.Errorf("timeline line %d: nothing happens at %s", n+1, words[0])
		}
		if words[1] == "end" {
			return all, at, nil
		}
		all = append(all, happening{at, words[1], words[2:]})
	}
	return nil, 0, errors.New("timeline: it has no end: close it with a line like 60:00 end")
}

func parseClock(text string) (time.Duration, error) {
	minutes, seconds, ok := strings.Cut(text, ":")
	m, err := strconv.Atoi(minutes)
	s, err2 := strconv.Atoi(seconds)
	if !ok || errors.Join(err, err2) != nil {
		return 0, fmt.Errorf("time %q is not minutes:seconds", text)
	}
	return time.Duration(m)*time.Minute + time.Duration(s)*time.Second, nil
}

func clock(t time.Time) string {
	d := t.Sub(Start())
	return fmt.Sprintf("%02d:%02d", int(d/time.Minute), int(d%time.Minute/time.Second))
}

// verb is one word of the timeline: the fewest words that follow it, and what it does.
type verb struct {
	words int
	do    func(ctx context.Context, args []string) error
}

// plan puts the happenings into the world.
func (s *story) plan(all []happening) error {
	verbs := s.verbs()
	for _, h := range all {
		v, ok := verbs[h.verb]
		if !ok || len(h.args) < v.words {
			return fmt.Errorf("timeline at %s: %q is not understood", clock(Start().Add(h.at)), strings.Join(append([]string{h.verb}, h.args...), " "))
		}
		s.world.At(h.at, func(ctx context.Context) {
			if err := v.do(ctx, h.args); err != nil {
				s.say("%s %s: %v", h.verb, strings.Join(h.args, " "), err)
			}
		})
	}
	return nil
}
