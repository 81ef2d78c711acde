package roofline

import (
	_ "embed" // the numbers are part of the binary
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed measured.yaml
var measuredYAML []byte

// A Known is what others measured of one load: means in milliseconds, with their
// source.
type Known struct {
	Card      string  `yaml:"card"`
	Model     string  `yaml:"model"`
	Precision string  `yaml:"precision"`
	Engine    string  `yaml:"engine"`
	Dataset   string  `yaml:"dataset"`
	Rate      float64 `yaml:"rate"` // requests a second, Poisson
	Requests  int     `yaml:"requests"`
	TTFT      float64 `yaml:"ttft_ms"`
	TPOT      float64 `yaml:"tpot_ms"`
	Source    string  `yaml:"source"`
}

// knowns parses the embedded file once; it fails only on a broken build, which a
// test catches.
var knowns = sync.OnceValues(func() ([]Known, error) {
	var all []Known
	err := yaml.Unmarshal(measuredYAML, &all)
	return all, err
})

// KnownOf is the measurement of a load like this one that is known, if any. The
// numbers of k's results and its source are not looked at.
func KnownOf(k Known) (Known, bool) {
	all, _ := knowns()
	for _, m := range all {
		if m.Card == k.Card && m.Model == k.Model && m.Precision == k.Precision && m.Engine == k.Engine && m.Dataset == k.Dataset && m.Rate == k.Rate && m.Requests == k.Requests {
			return m, true
		}
	}
	return Known{}, false
}
