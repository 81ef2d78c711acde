package truth

import "testing"

func TestLedgerDropsTheOldest(t *testing.T) {
	l := Ledger{limit: 100}
	for i := range 1000 {
		l.Add(Record{Arrived: int64(i), Sent: make([]int64, 5), Due: make([]int64, 5)})
	}
	if n := len(l.rows); n < 5 || n > 10 || l.rows[n-1].Arrived != 999 || l.dropped+n != 1000 || l.stamps != 10*n {
		t.Fatalf("got %d rows of %d stamps, %d dropped", n, l.stamps, l.dropped)
	}
	if l.Forget(); len(l.rows)+l.stamps+l.dropped != 0 {
		t.Fatalf("got %d rows, %d stamps, %d dropped", len(l.rows), l.stamps, l.dropped)
	}
}
