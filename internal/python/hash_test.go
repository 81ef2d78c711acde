package python

import "testing"

func TestHash(t *testing.T) {
	// PYTHONHASHSEED=n python3 -c 'print(hash(s))'
	for _, c := range []struct {
		seed uint32
		s    string
		want int64
	}{
		{0, "", 0},
		{0, "1:16", -5083744301990941600}, {0, "12345678", 3785724242978802311}, {0, "123456789:512", -1410136731604516350},
		{1, "1:16", -8895227035096498215}, {4294967295, "46:7", 4903369162866866849},
	} {
		if got := NewHash(c.seed).Sum(c.s); got != c.want {
			t.Errorf("PYTHONHASHSEED=%d: hash(%q) is %d, want %d", c.seed, c.s, got, c.want)
		}
	}
}
