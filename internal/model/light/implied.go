package light

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// An Implication is what measured times say of a card that is not known.
type Implication struct {
	Model, Precision string
	TPOTMs           float64 // mean
	Batch            float64 // answers under way at once, mean over the tokens
	Bandwidth        float64 // GB/s of weights alone that all cards together stream at least
	Text             string
}

// errNoModel says that nothing follows from a time as long as the model is not
// known.
var errNoModel = errors.New("which bandwidth the TPOT implies can't be said: the model's shapes are not known (name a model of tokmeter sim models with --model, or its config.json with --model-config)")

// anyCard has every format; its rates do not matter.
func anyCard() *roofline.Card {
	one := roofline.Quantity{Value: 1, Source: "none"}
	return &roofline.Card{Name: "unknown", Memory: one, Bandwidth: one, FP16: one, FP8: one, Int8: one, FP4: one, Link: one}
}

// Imply tells which bandwidth the measured TPOT takes at least: each step
// streams the weights once, whatever else it does. precision is "" for the
// model's own. The error is errNoModel, or says what is wrong with the format,
// or that no answer had two tokens.
func Imply(m *roofline.Model, precision string, reqs []Request, e Evidence) (Implication, error) {
	if m == nil {
		return Implication{}, errNoModel
	}
	machine, err := roofline.New(roofline.Setup{Model: m, Card: anyCard(), Precision: precision, Constants: roofline.Ideal})
	if err != nil {
		return Implication{}, err
	}
	tpot, n := 0.0, 0
	for _, r := range reqs {
		if r.TPOT > 0 {
			tpot += r.TPOT
			n++
		}
	}
	if n == 0 {
		return Implication{}, errors.New("no answer has two tokens, so there is no TPOT that could imply a bandwidth")
	}
	tpot /= float64(n)
	x := Implication{Model: m.Name, Precision: machine.Setup().Precision, TPOTMs: tpot * msPerSecond, Batch: Batch(reqs)}
	x.Bandwidth = machine.ReadBytes(max(x.Batch, 1)) / (tpot * max(e.TokensPerStep, 1)) / 1e9
	x.Text = fmt.Sprintf("a TPOT of %.2f ms at batch %.1f implies at least %.0f GB/s of weight streaming of %s in %s", x.TPOTMs, x.Batch, x.Bandwidth, x.Model, x.Precision)
	if slow := slower(x.Bandwidth); slow != "" {
		x.Text += ": not possible on one " + slow
	}
	x.Text += " (--gpu CARD compares with its limit)"
	return x, nil
}

// maxSlower is how many cards a line names.
const maxSlower = 4

// slower lists the fastest cards of the catalogue that read less, in GB/s.
func slower(bandwidth float64) string {
	cards := slices.DeleteFunc(slices.Clone(roofline.Cards()), func(c *roofline.Card) bool { return c.Bandwidth.Value >= bandwidth })
	slices.SortStableFunc(cards, func(a, b *roofline.Card) int { return cmp.Compare(b.Bandwidth.Value, a.Bandwidth.Value) })
	var names []string
	for _, c := range cards[:min(len(cards), maxSlower)] {
		names = append(names, c.Name)
	}
	list := strings.Join(names, ", ")
	if len(cards) > maxSlower {
		list += " or a slower card"
	}
	return list
}

// Shapes finds a model by its name or its path, with the format of its weights:
// precision, or where that is "" the model's own. The error is setup's.
func Shapes(model, precision string) (*roofline.Model, string, error) {
	err := errNoModel
	for _, c := range roofline.Cards() { // the shapes are the same on all; not every card has every format
		var l *Light
		if l, err = Build(setup.Setup{Model: model, GPU: c.Name, Precision: precision}); err == nil {
			b := l.Engine()
			return b.Model, b.Setup.Precision, nil
		}
	}
	return nil, "", err
}
