package live

import (
	"fmt"
	"strings"
	"time"
)

// A snapshot is what one line shows.
type snapshot struct {
	elapsed                                time.Duration
	total, done, inFlight, waiting, failed int64
	rate                                   float64 // tokens a second
	ttft                                   time.Duration
	left                                   time.Duration // negative: not known
}

// timeLeft estimates what remains: the requests still to end at the pace so
// far, or what is left of the schedule where that is longer.
func timeLeft(s snapshot, expect time.Duration) time.Duration {
	left := time.Duration(-1)
	if s.done > 0 && s.total >= s.done {
		left = time.Duration(float64(s.elapsed) / float64(s.done) * float64(s.total-s.done))
	}
	if expect > 0 {
		// At a given rate the schedule says when the last request goes; the
		// pace at the beginning of a run would say far more.
		left = max(expect-s.elapsed, 0)
		if left == 0 && s.done < s.total {
			left = -1
		}
	}
	return left
}

// line is the text of s, cut to width columns; 0 means no limit. What matters
// least is left out first.
func (s snapshot) line(width int) string {
	parts := []string{fmt.Sprintf("%d/%d done", s.done, s.total)}
	add := func(format string, a ...any) { parts = append(parts, fmt.Sprintf(format, a...)) }
	if s.failed > 0 {
		add("%d failed", s.failed)
	}
	add("%d in flight", s.inFlight)
	if s.waiting > 0 {
		add("%d waiting", s.waiting)
	}
	add("%s tok/s", number(s.rate))
	if s.ttft > 0 {
		add("TTFT %s ms", number(float64(s.ttft)/1e6))
	}
	if s.left >= 0 {
		add("%s left", clock(s.left))
	} else {
		add("%s so far", clock(s.elapsed))
	}
	line := strings.Join(parts, ", ")
	for width > 0 && len(line) > width && len(parts) > 1 {
		parts = parts[:len(parts)-1]
		line = strings.Join(parts, ", ")
	}
	if width > 0 && len(line) > width {
		line = line[:width]
	}
	return line
}

// number has three digits at least and no more decimals than that takes.
func number(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// clock is a duration as 0:07, 12:34 or 1:02:03.
func clock(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
