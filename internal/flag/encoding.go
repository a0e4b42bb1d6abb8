package flag

import "encoding/json"

// plain is a Definition without its methods.
type plain Definition

// text is how a Definition is kept: Raw as a string, because JSON within JSON loses the layout
// that Store.Restore gives back.
type text struct {
	plain
	Raw string `json:"raw"`
}

// MarshalJSON writes the definition so that Raw comes back byte for byte.
func (d Definition) MarshalJSON() ([]byte, error) {
	return json.Marshal(text{plain: plain(d), Raw: string(d.Raw)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Definition) UnmarshalJSON(data []byte) error {
	var t text
	if err := json.Unmarshal(data, &t); err != nil {
		return err
	}
	*d = Definition(t.plain)
	d.Raw = json.RawMessage(t.Raw)
	return nil
}
