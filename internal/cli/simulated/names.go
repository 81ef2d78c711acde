package simulated

import (
	"tokmeter/internal/model/roofline"
)

// CardNames and modelNames are what completion offers.
func CardNames() []string {
	return namesOf(roofline.Cards(), func(c *roofline.Card) string { return c.Name })
}

// ModelNames lists the models of the catalogue.
func ModelNames() []string {
	return namesOf(roofline.Models(), func(m *roofline.Model) string { return m.Name })
}

func namesOf[T any](all []T, name func(T) string) []string {
	var out []string
	for _, x := range all {
		out = append(out, name(x))
	}
	return out
}
