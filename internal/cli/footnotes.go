package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// footnote is a query or a link that is too long for the place where it belongs. It is listed below,
// whole, so that it can be copied.
type footnote struct {
	query string
	url   string
	at    time.Time // when the query was asked
}

type footnotes []footnote

// mark files a footnote and gives its mark, as [1]; nothing for an empty one.
func (f *footnotes) mark(n footnote) string {
	n.query, n.url = clean(n.query), clean(n.url)
	if n.query == "" && n.url == "" {
		return ""
	}
	i := slices.IndexFunc(*f, func(o footnote) bool { return o.query == n.query && o.url == n.url })
	if i < 0 {
		*f = append(*f, n)
		i = len(*f) - 1
	}
	return fmt.Sprintf("[%d]", i+1)
}

func (p *page) footnotes(all footnotes) {
	if len(all) == 0 {
		return
	}
	p.title("Queries and links")
	for i, n := range all {
		lead := fmt.Sprintf("  [%d] ", i+1)
		margin := strings.Repeat(" ", len(lead))
		first := slices.IndexFunc(all, func(o footnote) bool { return o.query == n.query })
		lines := wrapQuery(n.query, p.columns()-len(lead))
		switch {
		case n.query == "":
			lines = nil
		case first < i:
			lines = []string{fmt.Sprintf("the query of [%d], as of %s", first+1, p.clock(n.at))}
		}
		for _, line := range append(lines, strings.ReplaceAll(n.url, " ", "%20")) {
			if line != "" {
				p.line("%s%s", lead, line)
				lead = margin
			}
		}
	}
}
