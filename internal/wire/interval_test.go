package wire

import (
	"testing"
	"time"

	"tokmeter/internal/record"
)

// TestInterval: rounds are as long as they can be without a loss.
func TestInterval(t *testing.T) {
	const us = time.Microsecond
	for _, row := range []struct {
		why     string
		now     time.Duration // in force before
		streams int
		rate    float64               // events a second
		gaps    map[time.Duration]int // how many of each length
		want    time.Duration
	}{
		{why: "many streams of a usual engine", streams: 1024, rate: 50e3, gaps: map[time.Duration]int{20 * time.Millisecond: 2000}, want: 300 * us},
		{why: "few streams: each event is read as it comes", streams: 49, rate: 50e3, gaps: map[time.Duration]int{20 * time.Millisecond: 2000}},
		{why: "a round would find one event at most", streams: 64, rate: 3200, gaps: map[time.Duration]int{20 * time.Millisecond: 200}},
		{why: "nothing is known of the streams", streams: 1024, rate: 50e3},
		{why: "tokens come as fast as rounds", streams: 100, rate: 200e3, gaps: map[time.Duration]int{500 * us: 9000}, want: 100 * us},
		{why: "and faster", streams: 100, rate: 400e3, gaps: map[time.Duration]int{250 * us: 9000}},
		{why: "a few short gaps are chance", streams: 1024, rate: 50e3, gaps: map[time.Duration]int{20 * time.Millisecond: 2000, 300 * us: 2}, want: 300 * us},
		{why: "as many as that are not", streams: 1024, rate: 50e3, gaps: map[time.Duration]int{20 * time.Millisecond: 2000, 150 * us: 20}},
		{why: "in rounds, a short gap that shows stands for those that do not", now: 300 * us, streams: 1024, rate: 50e3, gaps: map[time.Duration]int{20 * time.Millisecond: 2000, 100 * us: 3}},
		{why: "what is written at once is joined by any reader", streams: 1024, rate: 50e3, gaps: map[time.Duration]int{20 * time.Millisecond: 2000, 5 * us: 500}, want: 300 * us},
	} {
		v := interval{now: row.now, events: int(row.rate * decideEvery.Seconds())}
		for gap, n := range row.gaps {
			if class := classOf(gap); class > 0 {
				v.gaps[class] += float64(n)
			}
		}
		v.decide(record.Stamp(decideEvery), row.streams)
		if v.now != row.want {
			t.Errorf("%s: got %v, want %v", row.why, v.now, row.want)
		}
	}
}

// TestIntervalDecides: not before its time, and what was long ago is forgotten.
func TestIntervalDecides(t *testing.T) {
	var v interval
	at := func(tick int, gap time.Duration) time.Duration {
		v.events = 2500
		v.gaps[classOf(gap)] += 1000
		v.decide(record.Stamp(time.Duration(tick)*decideEvery), 1024)
		return v.now
	}
	if got := at(1, 20*time.Millisecond); got != intervals[0] {
		t.Fatalf("got %v, want %v", got, intervals[0])
	}
	if v.decide(record.Stamp(decideEvery+1), 0); v.now != intervals[0] {
		t.Errorf("%v was decided before its time", v.now)
	}
	if got := at(2, 100*time.Microsecond); got != 0 {
		t.Errorf("got %v where gaps became short, want none", got)
	}
	for tick := 3; ; tick++ {
		if at(tick, 20*time.Millisecond) == intervals[0] {
			break
		}
		if tick > 30 {
			t.Fatal("the short gaps are never forgotten")
		}
	}
}

// TestGapFilter: the short gaps at the ends of an answer say nothing of tokens.
func TestGapFilter(t *testing.T) {
	const long, short = 20 * time.Millisecond, 100 * time.Microsecond
	for _, row := range []struct {
		why               string
		gaps              []time.Duration
		longOnes, shortOf float64
	}{
		{"head and role at the beginning", []time.Duration{short, short, long, long, long}, 3, 0},
		{"finish reason, usage and the end", []time.Duration{long, long, long, long, short, short, short}, 3, 0},
		{"in the middle", []time.Duration{long, long, long, short, long, long, long, long}, 6, 1},
	} {
		var f gapFilter
		var v interval
		for _, gap := range row.gaps {
			f.next(gap, &v)
		}
		if got := v.gaps[classOf(long)]; got != row.longOnes {
			t.Errorf("%s: %v long gaps, want %v", row.why, got, row.longOnes)
		}
		if got := v.gaps[classOf(short)]; got != row.shortOf {
			t.Errorf("%s: %v short gaps, want %v", row.why, got, row.shortOf)
		}
	}
}
