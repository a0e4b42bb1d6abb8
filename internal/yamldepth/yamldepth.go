// Package yamldepth keeps hostile YAML from a parser that calls itself for every nesting.
package yamldepth

import "github.com/goccy/go-yaml/token"

// Beyond finds the token where brackets, or entries that begin on one line, are nested deeper than
// most; nil if none are. Nesting by indentation is bounded by the size of the text.
func Beyond(tokens token.Tokens, most int) *token.Token {
	brackets, entries, line := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != line {
			entries, line = 0, tk.Position.Line
		}
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			entries++
		}
		if brackets > most || entries > most {
			return tk
		}
	}
	return nil
}
