package tokenize

import (
	"encoding/json"
	"fmt"
)

// maxPadding is the length to which an encoding may be padded.
const maxPadding = 1 << 20

// limits reads the truncation and the padding of a tokenizer.json, which the
// library applies to every encoding.
func (f *file) limits(t *Tokenizer) error {
	if !isNull(f.truncation) {
		c := struct {
			Max       *int    `json:"max_length"`
			Strategy  *string `json:"strategy"`
			Stride    *int    `json:"stride"`
			Direction string  `json:"direction"`
		}{Direction: "Right"}
		if err := json.Unmarshal(f.truncation, &c); err != nil {
			return fmt.Errorf("truncation: %w", err)
		}
		switch {
		case c.Max == nil || c.Strategy == nil || c.Stride == nil:
			return fmt.Errorf("truncation: max_length, strategy or stride is missing")
		case *c.Strategy != "LongestFirst" && *c.Strategy != "OnlyFirst":
			return fmt.Errorf("truncation: the strategy %q is not supported for single texts", *c.Strategy)
		case c.Direction != "Right" && c.Direction != "Left":
			return fmt.Errorf("truncation: the direction %q is not known", c.Direction)
		case *c.Stride < 0 || *c.Max <= *c.Stride+t.processor.added():
			return fmt.Errorf("truncation: max_length %d leaves no room beside stride and special tokens", *c.Max)
		}
		t.limit = truncation{*c.Max, c.Direction == "Left"}
	}
	if !isNull(f.padding) {
		var c struct {
			Strategy  *rawJSON `json:"strategy"`
			Direction *string  `json:"direction"`
			Multiple  *int     `json:"pad_to_multiple_of"`
			ID        *uint32  `json:"pad_id"`
		}
		if err := json.Unmarshal(f.padding, &c); err != nil {
			return fmt.Errorf("padding: %w", err)
		}
		if c.Strategy == nil || c.ID == nil || c.Direction == nil || *c.Direction != "Left" && *c.Direction != "Right" {
			return fmt.Errorf("padding: strategy, direction or pad_id is missing or not known")
		}
		var fixed struct{ Fixed *int }
		if string(*c.Strategy) != `"BatchLongest"` {
			if err := json.Unmarshal(*c.Strategy, &fixed); err != nil || fixed.Fixed == nil || *fixed.Fixed < 0 || *fixed.Fixed > maxPadding {
				return fmt.Errorf("padding: the strategy %s is not known", *c.Strategy)
			}
			t.padding.fixed = *fixed.Fixed
		}
		if c.Multiple != nil && *c.Multiple > 0 {
			if *c.Multiple > maxPadding {
				return fmt.Errorf("padding: pad_to_multiple_of %d is beyond reason", *c.Multiple)
			}
			t.padding.multiple = *c.Multiple
		}
		t.padding.id, t.padding.left = int(*c.ID), *c.Direction == "Left"
	}
	return nil
}

// A truncation limits the ids of an encoding, special tokens included; max 0
// is no limit.
type truncation struct {
	max  int
	left bool
}

// cut shortens the ids from before on, with room for added others.
func (l truncation) cut(ids []int, before, added int) []int {
	room := l.max - added
	if l.max == 0 || len(ids)-before <= room {
		return ids
	}
	if l.left {
		copy(ids[before:], ids[len(ids)-room:])
	}
	return ids[:before+room]
}

// A padding lengthens an encoding.
type padding struct {
	fixed, multiple int
	id              int
	left            bool
}

func (p padding) fill(ids []int, before int) []int {
	length := len(ids) - before
	if p.fixed > 0 {
		length = p.fixed
	}
	if p.multiple > 0 {
		length = (length + p.multiple - 1) / p.multiple * p.multiple
	}
	missing := length - (len(ids) - before)
	if missing <= 0 {
		return ids
	}
	for range missing {
		ids = append(ids, p.id)
	}
	if p.left {
		copy(ids[before+missing:], ids[before:])
		for i := range missing {
			ids[before+i] = p.id
		}
	}
	return ids
}
