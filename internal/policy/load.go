package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/cinegit/guardian/internal/yamldepth"
)

// What a policy file may have: bytes, lines, and bytes in a line. The YAML parser takes time with
// the square of some of them.
const (
	MaxSize       = 1 << 20
	MaxLines      = 10_000
	MaxLineLength = 16 << 10
)

// maxDepth is how deep a policy may be nested; its deepest field is far above that.
const maxDepth = 64

// Load reads a policy file. What is wrong inside the file comes back as Mistakes; a file that
// cannot be read gives another error, which wraps fs.ErrNotExist where there is none.
func Load(path string) (*Policy, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read policy: %w: write one there, or name another file", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	defer func() { _ = file.Close() }()
	src, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	return Parse(path, src)
}

// Parse reads a policy from YAML, fills in the defaults and checks it. The name stands for the
// file in Mistakes, which is what every error of Parse is: all that is wrong, not only the first.
func Parse(name string, src []byte) (*Policy, error) {
	src = bytes.ReplaceAll(bytes.TrimPrefix(src, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
	if bad := unreadable(src); bad != nil {
		return nil, Mistakes{{File: name, Line: 1, Column: 1, Problem: bad.problem, Fix: bad.fix}}
	}
	text := newSource(name, string(src))
	if bad := text.tooLarge(); bad != nil {
		return nil, Mistakes{*bad}
	}
	root, bad := parseYAML(text)
	if bad != nil {
		return nil, Mistakes{*bad}
	}
	r := newReader(text)
	var p Policy
	r.read(root, reflect.ValueOf(&p).Elem(), "")
	if r.nodes > maxNodes {
		return nil, r.mistakes()
	}
	p.fillDefaults(r.places)
	check(&p, r)
	if len(r.found) > 0 {
		return nil, r.mistakes()
	}
	return &p, nil
}

// unreadable tells why the bytes cannot be a policy at all.
func unreadable(src []byte) *hint {
	switch {
	case len(src) > MaxSize:
		return &hint{fmt.Sprintf("the file is larger than %d KiB", MaxSize>>10), "a policy is a short text: is this the right file?"}
	case !utf8.Valid(src):
		return &hint{"the file is not text in UTF-8", "is this the right file?"}
	case bytes.IndexByte(src, 0) >= 0:
		return &hint{"the file holds a zero byte and is no text", "is this the right file?"}
	}
	return nil
}

func (s *source) tooLarge() *Mistake {
	if len(s.lines) > MaxLines {
		return s.mistake(spot{MaxLines, 1}, fmt.Sprintf("the file has more than %d lines", MaxLines), "is this the right file?")
	}
	long := slices.IndexFunc(s.lines, func(line string) bool { return len(line) > MaxLineLength })
	if long >= 0 {
		return &Mistake{File: s.file, Line: long + 1, Column: 1, Problem: fmt.Sprintf("the line is longer than %d KiB", MaxLineLength>>10), Fix: "break it, as with >- before a long query"}
	}
	return nil
}

// parseYAML gives the one YAML document of the text.
func parseYAML(text *source) (ast.Node, *Mistake) {
	tokens := lexer.Tokenize(strings.Join(text.lines, "\n"))
	if deep := yamldepth.Beyond(tokens, maxDepth); deep != nil {
		return nil, text.mistake(spotOf(deep), fmt.Sprintf("the file is nested more than %d deep here", maxDepth), "write it flatter")
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, text.syntax(err)
	}
	var root ast.Node
	for _, doc := range file.Docs {
		switch doc.Body.(type) {
		case nil, *ast.DirectiveNode, *ast.CommentGroupNode:
			continue
		}
		if root != nil {
			return nil, text.mistake(spotOf(doc.Start), "a second document begins here", "keep one policy in a file and remove the line ---")
		}
		root = doc.Body
	}
	if root == nil {
		return nil, text.mistake(spot{1, 1}, "the file is empty", "begin it with apiVersion: "+Version)
	}
	return root, nil
}

func (s *source) mistake(at spot, problem, fix string) *Mistake {
	return &Mistake{File: s.file, Line: at.line, Column: at.column, Source: s.show(at), Problem: problem, Fix: fix}
}

func (s *source) syntax(err error) *Mistake {
	at, problem := spot{1, 1}, "the file is not valid YAML"
	var known yaml.Error
	if errors.As(err, &known) {
		problem += ": " + known.GetMessage()
		if known.GetToken() != nil {
			at = spotOf(known.GetToken())
		}
	}
	fix := "correct the line, or the one before it: YAML nests by indentation, and a text with : or # in it needs quotes"
	if at.line <= len(s.lines) {
		if i := strings.IndexByte(s.lines[at.line-1], '\t'); i >= 0 && i < indent(s.lines[at.line-1]) {
			at.column = i + 1
			problem, fix = "the line is indented with a tab", "indent with spaces"
		}
	}
	s.hideUnread(at.line)
	return s.mistake(at, problem, fix)
}

// spotOf is where a token stands.
func spotOf(tk *token.Token) spot {
	if tk == nil || tk.Position == nil {
		return spot{1, 1}
	}
	return spot{max(tk.Position.Line, 1), max(tk.Position.Column, 1)}
}
