package protocol

import (
	"encoding/json"

	"tokmeter/internal/python"
)

// Lenient is d reading events as Python's json does: NaN, Infinity and -Infinity
// are numbers in them, such as log probabilities.
func Lenient(d Dialect) Dialect { return lenient{d} }

// PythonReads reports whether Python's json takes data for a whole value.
func PythonReads(data []byte) bool { return json.Valid(python.StrictJSON(data)) }

type lenient struct{ Dialect }

func (l lenient) Scan(data []byte, ev *Event) error {
	return l.Dialect.Scan(python.StrictJSON(data), ev)
}
