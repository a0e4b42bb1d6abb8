package completion

import (
	"fmt"
	"strings"
)

// bashScript keeps to what bash 3.2 has, which macOS still ships.
func bashScript(w words) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion of guardian
_guardian_files() {
  local IFS=$'\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$1"))
}
_guardian() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= words= files= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in %s) command=${COMP_WORDS[i]}; break ;; esac
  done
  case $prev in
    %s) _guardian_files "$cur"; return ;;
    %s) COMPREPLY=(); return ;;
  esac
  case $command in
    '') words="%s" ;;
`, names("", "|", w.commands...), names("--", "|", w.withValue(true)...), names("--", "|", w.withValue(false)...), names("", " ", w.commands...))
	for _, c := range w.commands {
		fmt.Fprintf(&b, "    %s) words=%q files=%t ;;\n", c.name, strings.TrimSpace(strings.Join(c.values, " ")+" "+names("--", " ", c.flags...)), c.files)
	}
	fmt.Fprintf(&b, `  esac
  if [[ $files == true && $cur != -* ]]; then _guardian_files "$cur"; return; fi
  if [[ $cur == -* || -n $command ]]; then words="$words %s"; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _guardian guardian
`, names("--", " ", w.flags...))
	return b.String()
}

func zshScript(w words) string {
	var b strings.Builder
	b.WriteString("#compdef guardian\n# zsh completion of guardian\n_guardian() {\n  local context state state_descr line\n  typeset -A opt_args\n  local -a shared commands\n  shared=(\n")
	for _, f := range w.flags {
		fmt.Fprintf(&b, "    %s\n", zshFlag(f))
	}
	b.WriteString("  )\n  commands=(\n")
	for _, c := range w.commands {
		fmt.Fprintf(&b, "    %s\n", quote(c.name+":"+strings.ReplaceAll(short(c.help), ":", `\:`)))
	}
	b.WriteString("  )\n  _arguments -C $shared '1: :->command' '*:: :->rest'\n  case $state in\n    command) _describe command commands ;;\n    rest)\n      case $line[1] in\n")
	for _, c := range w.commands {
		fmt.Fprintf(&b, "        %s) _arguments $shared", c.name)
		for _, f := range c.flags {
			b.WriteString(" " + zshFlag(f))
		}
		switch {
		case len(c.values) > 0:
			fmt.Fprintf(&b, " '1: :(%s)'", strings.Join(c.values, " "))
		case c.files:
			b.WriteString(" '1: :_files'")
		}
		b.WriteString(" ;;\n")
	}
	b.WriteString("      esac ;;\n  esac\n}\ncompdef _guardian guardian\n")
	return b.String()
}

func zshFlag(f word) string {
	spec := "--" + f.name + "[" + strings.NewReplacer("[", "(", "]", ")", ":", " -").Replace(f.help) + "]"
	switch {
	case f.files:
		spec += ":file:_files"
	case f.takes:
		spec += ":value: "
	}
	return quote(spec)
}

func fishScript(w words) string {
	var b strings.Builder
	b.WriteString("# fish completion of guardian\ncomplete -c guardian -f\n")
	for _, f := range w.flags {
		fmt.Fprintf(&b, "complete -c guardian %s\n", fishFlag(f))
	}
	for _, c := range w.commands {
		seen := quote("__fish_seen_subcommand_from " + c.name)
		fmt.Fprintf(&b, "complete -c guardian -n __fish_use_subcommand -a %s -d %s\n", c.name, quote(short(c.help)))
		for _, f := range c.flags {
			fmt.Fprintf(&b, "complete -c guardian -n %s %s\n", seen, fishFlag(f))
		}
		if len(c.values) > 0 {
			fmt.Fprintf(&b, "complete -c guardian -n %s -a %s\n", seen, quote(strings.Join(c.values, " ")))
		}
		if c.files {
			fmt.Fprintf(&b, "complete -c guardian -n %s -F\n", seen)
		}
	}
	return b.String()
}

func fishFlag(f word) string {
	spec := "-l " + f.name + " -d " + quote(f.help)
	switch {
	case f.files:
		spec += " -r -F"
	case f.takes:
		spec += " -x"
	}
	return spec
}

// quote makes one word of a shell out of any text, without single quotes inside, which the shells
// escape differently.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "’") + "'" }
