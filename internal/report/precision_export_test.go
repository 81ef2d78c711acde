package report

// PrecisionKeys is the documented keys of the JSON.
func PrecisionKeys() []string {
	var out []string
	for _, k := range precisionKeys() {
		out = append(out, k.path)
	}
	return out
}
