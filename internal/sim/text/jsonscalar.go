package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

func (m *maker) number(n *node, integer bool) (*value, bool) {
	low, high := n.low, n.high
	switch {
	case math.IsInf(low, 0) && math.IsInf(high, 0):
		low, high = 0, 1000
	case math.IsInf(low, 0):
		low = high - 1000
	case math.IsInf(high, 0):
		high = low + 1000
	}
	step := n.step
	if integer && step != math.Trunc(step) || integer && step == 0 {
		step = 1 // the check decides whether a fractional step takes it
		if n.step > 0 {
			for k := 1.0; k <= 1000; k++ {
				if x := n.step * k; math.Abs(x-math.Round(x)) < 1e-9 {
					step = math.Round(x)
					break
				}
			}
		}
	}
	if step > 0 {
		first, last := math.Ceil(low/step), math.Floor(high/step)
		if n.lowX && first*step <= n.low {
			first++
		}
		if n.highX && last*step >= n.high {
			last--
		}
		if !(first <= last) {
			return nil, false
		}
		for range 100 {
			k := first + math.Floor(m.rng.Float64()*math.Min(last-first+1, 1e6))
			if integer || step == math.Trunc(step) {
				return whole(k * step), true
			}
			x := math.Round(k*step*1e9) / 1e9
			if q := x / step; q == math.Trunc(q) { // for validators that divide
				return &value{kind: '0', num: x, raw: trim(x)}, true
			}
		}
		return nil, false
	}
	x := low + m.rng.Float64()*(high-low)
	if r := math.Round(x*100) / 100; r > low && r < high {
		x = r
	}
	raw := trim(x)
	back, err := strconv.ParseFloat(raw, 64)
	return &value{kind: '0', num: back, raw: raw}, err == nil
}

// whole is a number without a fraction.
func whole(x float64) *value {
	return &value{kind: '0', num: x, raw: strconv.FormatFloat(x, 'f', 0, 64)}
}

// trim writes a number without more digits than it needs.
func trim(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// words are n words with spaces between them.
func (m *maker) words(n int) string {
	adjectives, nouns := words(adjective), words(nounOne)
	var out []string
	for i := range n {
		if list := nouns; i%3 == 0 && n > 1 {
			out = append(out, adjectives[m.rng.IntN(len(adjectives))])
		} else {
			out = append(out, list[m.rng.IntN(len(list))])
		}
	}
	return strings.Join(out, " ")
}

// text makes a string.
func (m *maker) text(n *node) (*value, bool) {
	v := &value{kind: 's'}
	if n.pattern != nil {
		s, ok := n.pattern.make(m.rng, n.minLen, &m.steps)
		v.str = s
		return v, ok
	}
	if v.str = m.formatted(n.format); v.str == "" {
		v.str = m.words(1 + m.rng.IntN(4))
	}
	for len(v.str) < n.minLen {
		v.str += " " + m.words(1+min(n.minLen/16, 1000))
	}
	if len(v.str) > n.maxLen {
		v.str = v.str[:n.maxLen]
		if n.maxLen > n.minLen {
			v.str = strings.TrimRight(v.str, " ")
		}
	}
	for len(v.str) < n.minLen {
		v.str += "."
	}
	m.left -= len(v.str)
	return v, true
}

// formatted is a string of a format, or "".
func (m *maker) formatted(format string) string {
	at := time.Date(2020+m.rng.IntN(6), time.Month(1+m.rng.IntN(12)), 1+m.rng.IntN(28), m.rng.IntN(24), m.rng.IntN(60), m.rng.IntN(60), 0, time.UTC)
	one := func() string { list := words(nounOne); return list[m.rng.IntN(len(list))] }
	switch format {
	case "date-time":
		return at.Format(time.RFC3339)
	case "date":
		return at.Format(time.DateOnly)
	case "time":
		return at.Format("15:04:05Z07:00")
	case "email":
		return one() + "@" + one() + ".example"
	case "hostname":
		return one() + ".example"
	case "uri", "url":
		return "https://" + one() + ".example/" + one()
	case "ipv4":
		return fmt.Sprintf("192.0.2.%d", m.rng.IntN(256))
	case "ipv6":
		return fmt.Sprintf("2001:db8::%x", 1+m.rng.IntN(65535))
	case "uuid":
		a, b := m.rng.Uint64(), m.rng.Uint64()
		return fmt.Sprintf("%08x-%04x-4%03x-%x%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, 8+b>>62, b>>48&0xfff, b&0xffffffffffff)
	}
	return ""
}
