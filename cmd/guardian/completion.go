package main

import (
	"io"

	"github.com/alecthomas/kong"

	"github.com/cinegit/guardian/internal/cli/completion"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help tells how the script is put to use.
func (completionCmd) Help() string {
	return `bash: add to ~/.bashrc

  eval "$(guardian completion bash)"

zsh: add to ~/.zshrc, after compinit

  eval "$(guardian completion zsh)"

fish: once

  guardian completion fish > ~/.config/fish/completions/guardian.fish`
}

// Run prints the script.
func (cmd completionCmd) Run(k *kong.Kong, c *console) error {
	script, err := completion.Script(cmd.Shell, k.Model)
	if err != nil {
		return badInput("%w", err)
	}
	_, err = io.WriteString(c.stdout, script)
	return err
}
