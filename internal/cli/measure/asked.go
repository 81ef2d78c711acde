package measure

import (
	"errors"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/plan"
)

// An Asked is what flags ask of the numbers of a run; a field is nil where its flag
// was not given.
type Asked struct {
	Goals       []plan.Goal
	Metrics     []string
	Percentiles []float64
}

// ReadAsked reads --goodput, --percentile-metrics and --metric-percentiles. The
// error joins all problems.
func ReadAsked(v *flags.Values) (Asked, error) {
	b := &serveBuilder{Values: v}
	a := Asked{Goals: b.goals(v.List("goodput"))}
	if v.Given("percentile-metrics") {
		a.Metrics = b.metrics(v.Text("percentile-metrics"))
	}
	if v.Given("metric-percentiles") {
		a.Percentiles = b.percentiles(v.Text("metric-percentiles"))
	}
	check := plan.Plan{Goals: a.Goals, Output: plan.Output{Metrics: a.Metrics, Percentiles: a.Percentiles}}
	return a, errors.Join(append(b.problems, check.ValidateReport())...)
}
