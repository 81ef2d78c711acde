package record

import (
	"encoding/json"
	"strings"
)

// A Warning is a reason to doubt a number of a run.
type Warning struct {
	Code string `json:"code"` // short and stable, such as "client_lag"
	Text string `json:"text"` // one line: what was seen, and what to do about it
}

// WarnDirectory is the code of what a run directory itself gives reason to
// doubt: its records stop early, or a part of it can't be read.
const WarnDirectory = "run_directory"

// UnmarshalJSON reads an object, or one line "code: text": both forms are found
// in run directories of format 1.
func (w *Warning) UnmarshalJSON(b []byte) error {
	var line string
	if json.Unmarshal(b, &line) == nil {
		code, text, ok := strings.Cut(line, ": ")
		if !ok || strings.Contains(code, " ") {
			code, text = WarnDirectory, line
		}
		*w = Warning{code, text}
		return nil
	}
	type plain Warning
	return json.Unmarshal(b, (*plain)(w))
}
