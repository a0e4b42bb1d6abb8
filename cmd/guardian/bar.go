package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/cinegit/guardian/internal/cli"
)

// bar is a progress bar on a terminal's stderr.
type bar struct {
	c     *console
	view  cli.View
	began time.Time
	drawn time.Time
}

// redraw is how often the bar is drawn at most.
const redraw = 100 * time.Millisecond

// newBar gives a bar, which draws nothing where stderr is no terminal.
func newBar(c *console, g *globals) *bar {
	b := &bar{c: c, view: c.view(g), began: c.now()}
	if file, ok := c.stderr.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		b.c = nil
	}
	return b
}

func (b *bar) show(done, all int) {
	if b.c == nil || b.c.now().Sub(b.drawn) < redraw && done < all {
		return
	}
	b.drawn = b.c.now()
	fmt.Fprintf(b.c.stderr, "\r%s\x1b[K", b.view.Progress(done, all, b.drawn.Sub(b.began)))
}

func (b *bar) clear() {
	if b.c != nil {
		fmt.Fprint(b.c.stderr, "\r\x1b[K")
	}
}
