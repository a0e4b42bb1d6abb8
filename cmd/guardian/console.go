package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/cinegit/guardian/internal/cli"
)

// console is what a command sees of the world around the program.
type console struct {
	stdout, stderr io.Writer
	env            func(name string) string
	now            func() time.Time
	isTerminal     bool // stdout is one
	width          int  // its columns; 0 where it is none
}

// system is the console of the real process.
func system() *console {
	c := &console{stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv, now: time.Now}
	fd := int(os.Stdout.Fd())
	if c.isTerminal = term.IsTerminal(fd); c.isTerminal {
		c.width = widthOf(fd)
	}
	return c
}

// view is how pages are drawn here.
func (c *console) view(g *globals) cli.View {
	v := cli.View{Now: c.now(), Zone: time.Local, Width: c.width}
	if g.UTC {
		v.Zone = time.UTC
	}
	v.Color = c.isTerminal && !g.NoColor && c.env("NO_COLOR") == "" && c.env("TERM") != "dumb"
	return v
}

// show prints an answer: as JSON where that was asked for, else as a page.
func (c *console) show(g *globals, answer any, page func(cli.View) string) error {
	if g.JSON {
		return c.json(answer)
	}
	_, err := io.WriteString(c.stdout, page(c.view(g)))
	return err
}

// json prints one indented JSON document.
func (c *console) json(value any) error {
	e := json.NewEncoder(c.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return fmt.Errorf("print answer: %w", err)
	}
	return nil
}

// widthOf is how many columns a terminal has; 80 where it does not say.
func widthOf(fd int) int {
	width, _, err := term.GetSize(fd)
	if err != nil || width <= 0 {
		return 80
	}
	return width
}
