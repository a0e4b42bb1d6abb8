// Package completion writes scripts with which a shell completes the guardian program's command line.
package completion

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Shells are those that Script knows.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// Script writes the script of a shell for a command line. It fails for a shell that it does not know.
func Script(shell string, model *kong.Application) (string, error) {
	all := wordsOf(model)
	switch shell {
	case "bash":
		return bashScript(all), nil
	case "zsh":
		return zshScript(all), nil
	case "fish":
		return fishScript(all), nil
	}
	return "", fmt.Errorf("no completion for shell %q: take one of %s", shell, strings.Join(Shells(), ", "))
}

// words are what can be completed.
type words struct {
	commands []word
	flags    []word // that every command takes
}

// word is a command or a flag.
type word struct {
	name, help string
	flags      []word   // of a command
	values     []string // of a command's argument, where they are known, or the commands below it
	files      bool     // a flag's value or a command's argument is a file
	takes      bool     // a flag takes a value
}

// wordsOf reads the words from the command line's own model, so that none is forgotten.
func wordsOf(model *kong.Application) words {
	w := words{flags: flagsOf(model.Node)}
	for _, node := range model.Children {
		if node.Hidden {
			continue
		}
		command := word{name: node.Name, help: node.Help, flags: flagsOf(node)}
		for _, below := range node.Children {
			command.values = append(command.values, below.Name)
			command.flags = append(command.flags, flagsOf(below)...)
		}
		for _, arg := range node.Positional {
			if arg.Enum != "" {
				command.values = append(command.values, arg.EnumSlice()...)
			}
			command.files = command.files || arg.Name == "file"
		}
		w.commands = append(w.commands, command)
	}
	return w
}

func flagsOf(node *kong.Node) []word {
	var out []word
	for _, f := range node.Flags {
		if !f.Hidden {
			out = append(out, word{name: f.Name, help: short(f.Help), takes: !f.IsBool(), files: f.Tag.Type == "path"})
		}
	}
	return out
}

// short is the first sentence of a help text.
func short(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	first, _, _ = strings.Cut(first, ";")
	return strings.TrimSuffix(first, ".")
}

// names joins the names, each with a prefix.
func names(prefix, separator string, all ...word) string {
	out := make([]string, len(all))
	for i, w := range all {
		out[i] = prefix + w.name
	}
	return strings.Join(out, separator)
}

// withValue gives the flags of all commands whose value is or is not a file, each once.
func (w words) withValue(files bool) []word {
	all := slices.Clone(w.flags)
	for _, c := range w.commands {
		all = append(all, c.flags...)
	}
	var out []word
	for _, f := range all {
		known := slices.ContainsFunc(out, func(o word) bool { return o.name == f.name })
		if f.takes && f.files == files && !known {
			out = append(out, f)
		}
	}
	return out
}
