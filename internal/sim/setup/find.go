package setup

import "tokmeter/internal/sim/roofline"

// find looks the model and the card up. The precision is what a name such as
// …-AWQ says of it, "" where it does not.
func (s Setup) find(p *problems) (m *roofline.Model, c *roofline.Card, precision string) {
	var err error
	if s.Model == "" {
		p.add("--model: name one: tokmeter sim models lists them")
	} else if m, precision, err = roofline.FindModel(s.Model); err != nil {
		p.add("--model: %v", err)
	}
	if s.GPU == "" {
		p.add("--gpu: name one: tokmeter sim hardware lists them")
	} else if c, err = roofline.FindCard(s.GPU); err != nil {
		p.add("--gpu: %v", err)
	}
	return m, c, precision
}
