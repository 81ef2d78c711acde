package sim

import (
	"fmt"
	"strconv"
	"strings"
)

// assign reads value into what p points to.
func assign(p any, value string) error {
	var err error
	switch p := p.(type) {
	case *string:
		*p = value
		if value == "" {
			return fmt.Errorf("the value is empty")
		}
	case *int:
		*p, err = strconv.Atoi(value)
	case *uint64:
		*p, err = strconv.ParseUint(value, 10, 64)
	case *float64:
		*p, err = strconv.ParseFloat(value, 64)
	case **float64:
		var f float64
		f, err = strconv.ParseFloat(value, 64)
		*p = &f
	case *bool:
		*p, err = strconv.ParseBool(value)
	case **bool:
		var b bool
		b, err = strconv.ParseBool(value)
		*p = &b
	case *[]float64: // split by "+", since commas split settings
		for _, part := range strings.Split(value, "+") {
			f, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return fmt.Errorf("%q is no number", part)
			}
			*p = append(*p, f)
		}
	default:
		return fmt.Errorf("a setting of type %T can't be read", p)
	}
	if err != nil {
		return fmt.Errorf("%q is not what it takes", value)
	}
	return nil
}
