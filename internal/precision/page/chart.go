package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tokmeter/internal/precision/table"
	"tokmeter/internal/stats"
)

// Sizes of the charts in pixels.
const (
	chartWidth = 760
	barHeight  = 22
	barStep    = 34
	chartTop   = 8
	valueRoom  = 150 // for the words behind a bar
	charWidth  = 7
	mostLabel  = 32 // characters of a name
	curveRoom  = 260
	colors     = 6
	dotApart   = 14 // between names at the end of curves
)

// A tick is a line of the grid with its number.
type tick struct {
	At    float64
	Text  string
	Class string // grid, or one where the ratio is 1
}

// A barChart is speedup by variant.
type barChart struct {
	Width, Height, Left, Top, Bottom, TickY float64
	Label                                   string
	Ticks                                   []tick
	Bars                                    []bar
}

type bar struct {
	Name, Value, Text                    string // Text stands where there is no bar
	Color                                int
	Y, YEnd, Middle, Thick, TextY, Long  float64
	Low, High, CapTop, CapBottom, ValueX float64
	Interval                             bool
	LimitRatio                           float64 // 0 for none
}

// chartName is nameOf with a name that is cut where it would take the room of
// the chart.
func chartName(r *table.Row) string {
	return simulatedMark(cut(r.Variant.Name, mostLabel-1-len(simulatedMark("", r))), r)
}

// shownRatio is a row's speedup where it has one.
func shownRatio(r *table.Row) (stats.Interval, bool) {
	switch {
	case r.Failure != "":
		return stats.Interval{}, false
	case r.Baseline:
		return stats.Interval{Value: 1}, true
	case r.Withheld != "" || !given(r.Speedup) || math.IsInf(r.Speedup.Value, 0) || r.Speedup.Value < 0:
		return stats.Interval{}, false
	}
	return r.Speedup, true
}

// bounded reports whether an estimate has an interval that can be drawn.
func bounded(e stats.Interval) bool {
	return e.Low > 0 && e.High >= e.Low && !math.IsInf(e.High, 0)
}

// bars draws the table's speedups; nil where there is nothing to compare.
func (p *Page) bars() *barChart {
	if len(p.Rows) < 2 {
		return nil
	}
	most, long, limits := 1.0, 4, false
	for i := range p.Rows {
		r := &p.Rows[i]
		long = max(long, len([]rune(chartName(r))))
		if e, ok := shownRatio(r); ok {
			most = max(most, e.Value)
			if bounded(e) {
				most = max(most, e.High)
			}
			if r.LimitRatio > 0 && !math.IsInf(r.LimitRatio, 0) && !r.Baseline {
				most, limits = max(most, r.LimitRatio), true
			}
		}
	}
	ticks, top := ticksTo(most)
	c := &barChart{
		Width: chartWidth, Left: float64(long*charWidth + 16), Top: chartTop,
		Label: "Speedup of TPOT against " + flat(p.Baseline) + " with its 95 % interval",
	}
	if some, all := p.simulated(); all {
		c.Label += ", " + simulatedWord
	} else if some {
		c.Label += ", some " + simulatedWord
	}
	if limits {
		c.Label += "; upright lines: the ratio of limits"
	}
	c.Bottom = c.Top + float64(len(p.Rows))*barStep
	c.TickY = c.Bottom + 18
	c.Height = c.TickY + 8
	unit := (c.Width - c.Left - valueRoom) / top
	x := func(v float64) float64 { return round1(c.Left + v*unit) }
	for _, v := range ticks {
		c.Ticks = append(c.Ticks, tick{x(v), tickText(v) + "×", gridClass(v)})
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		y := c.Top + float64(i)*barStep + (barStep-barHeight)/2
		b := bar{Name: chartName(r), Color: i % colors, Y: y, YEnd: y + barHeight, Middle: y + barHeight/2, Thick: barHeight, TextY: y + barHeight/2 + 4}
		b.CapTop, b.CapBottom = b.Middle-5, b.Middle+5
		e, ok := shownRatio(r)
		if !ok {
			b.Text = ratioCell(r, r.Speedup)
			c.Bars = append(c.Bars, b)
			continue
		}
		b.Long, b.Value = round1(e.Value*unit), ratioCell(r, e)
		if bounded(e) {
			b.Interval, b.Low, b.High = true, x(e.Low), x(e.High)
		}
		if !r.Baseline && r.LimitRatio > 0 && !math.IsInf(r.LimitRatio, 0) {
			b.LimitRatio = x(r.LimitRatio)
		}
		b.ValueX = c.Width - valueRoom + 16
		c.Bars = append(c.Bars, b)
	}
	return c
}

// A curveChart is speedup by requests in flight.
type curveChart struct {
	Width, Height, Left, Right, TickY float64
	Label                             string
	XTicks, YTicks                    []tick
	Curves                            []curve
}

type curve struct {
	Name         string
	Color        int
	Points       string
	Dots         []dot
	NameX, NameY float64
}

type dot struct {
	X, Y, Low, High float64
	Interval        bool
}

// curves draws equal concurrency; nil with fewer than two points.
func (p *Page) curves() *curveChart {
	views := p.Concurrency()
	if len(views) < 2 || len(p.Rows) < 2 {
		return nil
	}
	most, long := 1.0, 4
	for i := range p.Rows {
		long = max(long, len([]rune(chartName(&p.Rows[i]))))
	}
	for _, v := range views {
		for i := range v.Rows {
			if e, ok := shownRatio(&v.Rows[i]); ok {
				most = max(most, e.Value)
				if bounded(e) {
					most = max(most, e.High)
				}
			}
		}
	}
	ticks, top := ticksTo(most)
	c := &curveChart{
		Width: chartWidth, Height: chartTop + curveRoom + 26, Left: 48, Right: chartWidth - float64(long*charWidth) - 24, TickY: chartTop + curveRoom + 18,
		Label: "Speedup of TPOT against " + flat(p.Baseline) + " by requests in flight, with 95 % intervals",
	}
	if some, all := p.simulated(); all {
		c.Label += ", " + simulatedWord
	} else if some {
		c.Label += ", some " + simulatedWord
	}
	y := func(v float64) float64 { return round1(chartTop + curveRoom*(1-v/top)) }
	for _, v := range ticks {
		c.YTicks = append(c.YTicks, tick{y(v), tickText(v) + "×", gridClass(v)})
	}
	xs := make([]float64, len(views)) // evenly: loads are chosen in steps, such as 1, 8, 32
	for k := range views {
		xs[k] = round1(c.Left + 16 + (c.Right-c.Left-32)*float64(k)/float64(len(views)-1))
		c.XTicks = append(c.XTicks, tick{At: xs[k], Text: loadWord(views[k].Load)})
	}
	for i := range p.Rows {
		one := curve{Name: chartName(&p.Rows[i]), Color: i % colors}
		var points []string
		for k, v := range views {
			if i >= len(v.Rows) {
				continue
			}
			e, ok := shownRatio(&v.Rows[i])
			if !ok {
				continue
			}
			d := dot{X: round1(xs[k] + 3*(float64(i)-float64(len(p.Rows)-1)/2)), Y: y(e.Value)}
			if bounded(e) {
				d.Interval, d.Low, d.High = true, y(e.Low), y(e.High)
			}
			one.Dots = append(one.Dots, d)
			points = append(points, fmt.Sprintf("%g,%g", d.X, d.Y))
		}
		if len(one.Dots) == 0 {
			continue
		}
		one.Points = strings.Join(points, " ")
		one.NameX, one.NameY = c.Right+4, one.Dots[len(one.Dots)-1].Y
		c.Curves = append(c.Curves, one)
	}
	moveApart(c.Curves)
	return c
}

// moveApart moves names apart that would lie on each other, upwards from the
// lowest, then down again from the top of the chart.
func moveApart(list []curve) {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(list[b].NameY, list[a].NameY) })
	for k := 1; k < len(order); k++ {
		below, this := &list[order[k-1]], &list[order[k]]
		this.NameY = min(this.NameY, below.NameY-dotApart)
	}
	least := float64(chartTop)
	for _, k := range slices.Backward(order) {
		list[k].NameY = max(list[k].NameY, least)
		least = list[k].NameY + dotApart
	}
}

// ticksTo is round numbers from 0 to at least most, and the last of them.
func ticksTo(most float64) ([]float64, float64) {
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, f := range []float64{0.2, 0.25, 0.5, 1} {
		if most/(step*f) <= 8 {
			step *= f
			break
		}
	}
	var out []float64
	n := int(math.Ceil(most/step - 1e-9))
	for i := range n + 1 {
		out = append(out, step*float64(i))
	}
	return out, step * float64(n)
}

func gridClass(v float64) string {
	if math.Abs(v-1) < 1e-9 {
		return "one"
	}
	return "grid"
}

func tickText(v float64) string { return fmt.Sprintf("%.4g", v) }

func round1(x float64) float64 { return math.Round(x*10) / 10 }
