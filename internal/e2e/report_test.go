//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// report is the table at the end: what each case took, from the alert's start.
type report struct {
	mu   sync.Mutex
	rows []row
}

type row struct {
	name     string
	end      string
	alert    time.Time // startsAt
	webhook  time.Time
	rollback time.Time // reached Argo CD
	ended    time.Time
	failed   bool
}

func (r *report) add(one row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, one)
}

func (r *report) print(to io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.rows, func(a, b row) int { return cmp.Compare(a.name, b.name) })
	fmt.Fprintln(to, "\nTimes after the alert's start:")
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CASE\tWEBHOOK\tROLLBACK CALL\tEND\tAS\tTEST")
	for _, one := range r.rows {
		test := "ok"
		if one.failed {
			test = "FAILED"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", one.name, one.after(one.webhook), one.after(one.rollback), one.after(one.ended),
			cmp.Or(one.end, "no incident"), test)
	}
	table.Flush()
}

func (r row) after(at time.Time) string {
	if at.IsZero() || r.alert.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%.1f s", at.Sub(r.alert).Seconds())
}
