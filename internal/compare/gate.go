package compare

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"tokmeter/internal/stats"
)

// A Rule is a limit on how much worse a quantity may get, such as
// "tpot_p99 worse by 5%".
type Rule struct {
	Quantity
	By float64 // as a share of the baseline; of the success share, in shares of all requests
}

// String is the rule as it is written.
func (r Rule) String() string {
	return fmt.Sprintf("%s worse by %s%%", r.Quantity, strconv.FormatFloat(100*r.By, 'g', 6, 64))
}

// rulePattern is the grammar of a rule.
var rulePattern = regexp.MustCompile(`(?i)^\s*([a-z0-9_.]+)\s+(?:is\s+)?worse\s+(?:by\s+)?(?:more\s+than\s+)?([0-9.]+)\s*(?:%|percent)\s*$`)

// ParseRules reads rules split by commas or semicolons; one may also follow the
// percent sign of another.
func ParseRules(text string) ([]Rule, error) {
	var out []Rule
	for _, part := range strings.FieldsFunc(strings.ReplaceAll(text, "%", "%;"), func(r rune) bool { return r == ',' || r == ';' }) {
		if strings.TrimSpace(part) == "" {
			continue
		}
		r, err := parseRule(part)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no rule: want one such as %q", "tpot_p99 worse by 5%")
	}
	return out, nil
}

func parseRule(text string) (Rule, error) {
	m := rulePattern.FindStringSubmatch(text)
	if m == nil {
		return Rule{}, fmt.Errorf("%q: want a rule such as %q", short(strings.TrimSpace(text)), "tpot_p99 worse by 5%")
	}
	q, err := ParseQuantity(m[1])
	if err != nil {
		return Rule{}, err
	}
	by, err := strconv.ParseFloat(m[2], 64)
	if err != nil || !(by > 0 && by < 1000) {
		return Rule{}, fmt.Errorf("%q: want more than 0%% and less than 1000%%: without a limit of its own a gate would ask for every chance difference", short(strings.TrimSpace(text)))
	}
	return Rule{q, by / 100}, nil
}

// A Finding is what a rule says of one side.
type Finding struct {
	Rule   Rule
	Side   string
	Row    Row     // with the probability by Holm over all rules and sides
	Broken bool    // it is at least as much worse, and that is not chance
	Sees   float64 // the smallest worsening, as a share, that breaks the rule four times in five; NaN without an interval
	Text   string  // one sentence
	Err    error   // the rule can't be checked
}

// Gate checks rules on every side of a comparison. A rule is broken where the side
// is worse by at least its limit and the difference is beyond chance at 5 %, by
// Holm over all that are checked; where there is no interval, where the difference
// alone is as large.
func Gate(base Side, sides []Side, rules []Rule, o Options) []Finding {
	var out []Finding
	for _, s := range sides {
		a := against(&base, s, Options{Margin: o.Margin, Spread: o.Spread, Unlike: o.Unlike, Only: []Quantity{}})
		for _, r := range rules {
			f := Finding{Rule: r, Side: s.Name, Row: compareQuantity(&base, &s, r.Quantity, o)}
			switch {
			case a.Refused != "":
				f.Err = fmt.Errorf("%s: %s", s.Name, a.Refused)
			case math.IsNaN(f.Row.Change.Value):
				why := "one of the two has no such number"
				if u := unequal(&base, &s, r.Metric); u != "" {
					why = u
				}
				f.Err = fmt.Errorf("%s: %s can't be checked: %s", s.Name, r.Quantity, why)
			case !f.Row.known() && f.Row.Basis != OfNothing:
				f.Err = fmt.Errorf("%s: %s can't be checked: %s: send more, or take a lower percentile or the mean", s.Name, r.Quantity, f.Row.few())
			}
			out = append(out, f)
		}
	}
	var p []float64
	for i := range out {
		if out[i].Err != nil {
			out[i].Row.P = math.NaN()
		}
		p = append(p, out[i].Row.P)
	}
	for i, v := range stats.Holm(p) {
		out[i].Row.P = v
		if out[i].Err == nil {
			out[i].decide()
		}
	}
	return out
}

// few says why there is no interval although there are values of single requests.
func (r *Row) few() string {
	n := min(r.A.N, r.B.N)
	if needs := r.needs(); n < needs {
		return fmt.Sprintf("it needs %d requests for an interval, and there are %d", needs, n)
	}
	return fmt.Sprintf("neighbours are so much alike that %d requests are too few for an interval", n)
}

// decide says whether the rule is broken.
func (f *Finding) decide() {
	r := &f.Row
	worse := r.worsening()
	f.Sees = math.NaN()
	change := fmt.Sprintf("%s is %s %s", r.Quantity, percentText(worse), map[bool]string{true: "worse", false: "better"}[worse > 0])
	if r.Metric == Success {
		change += " of the requests"
	}
	if !r.known() {
		f.Broken = worse >= f.Rule.By
		f.Text = change + ", as the tools tell it: without values of single requests nobody knows how much of that is chance"
		return
	}
	f.Broken = worse >= f.Rule.By && r.P < level
	half := math.Log1p(r.Detectable) / r.power()
	t := stats.StudentQuantile(1-level/2, r.df())
	f.Sees = math.Max(r.Detectable, math.Expm1(math.Log1p(f.Rule.By)+half/t*stats.StudentQuantile(0.8, r.df())))
	f.Text = fmt.Sprintf("%s (%s, p %s)", change, ends(r), chance(r.P))
	if !f.Broken && worse >= f.Rule.By {
		f.Text += ": that may be chance"
	}
	f.Text += fmt.Sprintf("; a worsening of %s is found four times in five", percentText(f.Sees))
}

// chance is a probability in words.
func chance(p float64) string {
	if p < 0.001 {
		return "below 0.001"
	}
	return fmt.Sprintf("%.2g", p)
}

// ends is the interval of a change in percent.
func ends(r *Row) string {
	return fmt.Sprintf("%+.1f to %+.1f %%", 100*(r.Change.Low-r.none()), 100*(r.Change.High-r.none()))
}
