package page

import "testing"

// TestCSVText: a name of others is no formula of a spreadsheet's, and a number
// stays a number.
func TestCSVText(t *testing.T) {
	for _, row := range []struct {
		why  string
		x    any
		want string
	}{
		{"a formula", `=HYPERLINK("http://evil","x")`, `'=HYPERLINK("http://evil","x")`},
		{"a formula of old", "@SUM(A1)", "'@SUM(A1)"},
		{"a sign that begins one", "+1+1", "'+1+1"},
		{"the other", "-2+3", "'-2+3"},
		{"behind white space, which is cut", "\t=1", "'=1"},
		{"a name", "int4", "int4"},
		{"a sign inside", "a=b", "a=b"},
		{"nothing", "", ""},
		{"a number below zero", -1.5, "-1.5"},
	} {
		if got := csvCell(row.x); got != row.want {
			t.Errorf("%s: got %q, want %q", row.why, got, row.want)
		}
	}
}
