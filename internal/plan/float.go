package plan

import (
	"encoding/json"
	"fmt"
	"math"
)

// A Float is a float64 whose JSON form of +Inf is the string "inf".
type Float float64

// MarshalJSON writes +Inf as "inf".
func (f Float) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(f), 1) {
		return []byte(`"inf"`), nil
	}
	return json.Marshal(float64(f))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Float) UnmarshalJSON(b []byte) error {
	if string(b) == `"inf"` {
		*f = Float(math.Inf(1))
		return nil
	}
	var v float64
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("want a number or \"inf\": %w", err)
	}
	*f = Float(v)
	return nil
}
