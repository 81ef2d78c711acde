package plan

import "encoding/json"

// Redacted stands in files where a secret was.
const Redacted = "***"

// A Header is one HTTP header of every request.
type Header struct {
	Name  string
	Value string // may be a secret: its JSON form is Redacted
}

type headerJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// MarshalJSON writes the name, and Redacted for the value.
func (h Header) MarshalJSON() ([]byte, error) {
	return json.Marshal(headerJSON{h.Name, Redacted})
}

// UnmarshalJSON reads what MarshalJSON writes: the value stays redacted.
func (h *Header) UnmarshalJSON(b []byte) error {
	var v headerJSON
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	h.Name, h.Value = v.Name, v.Value
	return nil
}
