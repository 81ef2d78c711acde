// Package scrape reads what a server says of itself at /metrics, in Prometheus'
// text format. It takes what it can read and leaves out what it can't: one broken
// line of a server doesn't hide the others.
package scrape

import (
	"bytes"
	"errors"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// maxBroken is how many broken lines are passed over: each costs the reading of
// the rest anew. Text that has more is hardly Prometheus'.
const maxBroken = 100

// Read returns the families of metrics in text, by name. Samples of one family
// that stand apart are gathered, as those of several engines are.
func Read(text []byte) map[string]*dto.MetricFamily {
	all := map[string]*dto.MetricFamily{}
	// The format ends lines with \n alone, the last one too.
	text = append(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), '\n')
	for range maxBroken {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
		for name, f := range families {
			if there := all[name]; there != nil {
				there.Metric = append(there.Metric, f.Metric...)
			} else {
				all[name] = f
			}
		}
		var broken expfmt.ParseError
		if !errors.As(err, &broken) {
			break
		}
		if text = behind(text, broken.Line); len(text) == 0 {
			break
		}
	}
	return all
}

// behind is what follows line n, counted from 1.
func behind(text []byte, n int) []byte {
	for range max(n, 1) {
		_, rest, found := bytes.Cut(text, []byte("\n"))
		if !found {
			return nil
		}
		text = rest
	}
	return text
}

// Value is the number of a sample of any kind that has one: a counter, a gauge or
// one without a type.
func Value(m *dto.Metric) (value float64, ok bool) {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue(), true
	case m.Gauge != nil:
		return m.Gauge.GetValue(), true
	case m.Untyped != nil:
		return m.Untyped.GetValue(), true
	}
	return 0, false
}

// Label is the value of a sample's label, "" where it has none of the name.
func Label(m *dto.Metric, name string) string {
	for _, l := range m.Label {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
