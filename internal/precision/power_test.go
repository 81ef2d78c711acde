package precision

import "testing"

// TestWatts: the power of one card, as its driver's tool prints it.
func TestWatts(t *testing.T) {
	for out, want := range map[string]float64{"61.35\n": 61.35, "": 0, "[N/A]\n": 0, "61.35\n70.10\n": 0, "-1": 0} {
		if w, ok := watts(out); ok != (want > 0) || ok && w != want {
			t.Errorf("%q: got %v, %v, want %v", out, w, ok, want)
		}
	}
}
