package light

import (
	"cmp"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// A Subject says whose speed of light a run is compared with. Its JSON is what
// the run directory keeps. Without a card, the model alone counts: for what a
// TPOT implies.
type Subject struct {
	Setup setup.Setup `json:"setup"`
	// Named says that the user named the card, or that it is simulated: what is
	// wrong with it is an error and no reason to be silent.
	Named bool `json:"named"`
}

// A Found is what the names of a Subject stand for.
type Found struct {
	Light     *Light          // nil where the card is not known
	Model     *roofline.Model // for what TPOT implies where it is not; nil too where the model is not
	Precision string
}

// Find looks the names up. The error is setup's.
func (s Subject) Find() (Found, error) {
	var f Found
	var err error
	switch {
	case s.Setup.GPU != "":
		f.Light, err = Build(s.Setup)
	case s.Setup.Model != "":
		f.Model, f.Precision, err = Shapes(cmp.Or(s.Setup.Folder, s.Setup.Model), s.Setup.Precision)
	}
	return f, err
}

// Known reports whether anything was found.
func (f Found) Known() bool { return f.Light != nil || f.Model != nil }
