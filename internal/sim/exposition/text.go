package exposition

import (
	"math"
	"strconv"
	"strings"

	"tokmeter/internal/python"
)

// append prints the family as prometheus_client does: HELP, TYPE, samples, then
// the times of making as a gauge of their own.
func (f *family) append(dst []byte) []byte {
	all := f.snapshot()
	if f.hidden && len(all) == 0 {
		return dst
	}
	dst = appendHead(dst, f.name, f.help, f.kind)
	for _, s := range all {
		switch f.kind {
		case histogram, summary:
			dst = f.appendHistogram(dst, s)
		default:
			dst = s.sample(dst, f.name, "", s.value.get())
		}
	}
	if f.kind == gauge || len(all) == 0 {
		return dst
	}
	base := f.name
	if f.kind == counter {
		base = strings.TrimSuffix(base, "_total")
	}
	dst = appendHead(dst, base+"_created", f.help, gauge)
	for _, s := range all {
		dst = s.sample(dst, base, "_created", s.created)
	}
	return dst
}

func (f *family) appendHistogram(dst []byte, s *series) []byte {
	var n int64
	for i := range s.counts {
		n += s.counts[i].Load()
		if f.kind == summary {
			continue
		}
		bound := math.Inf(1)
		if i < len(f.buckets) {
			bound = f.buckets[i]
		}
		dst = append(append(dst, f.name...), "_bucket{"...)
		if s.before != "" {
			dst = append(append(dst, s.before...), ',')
		}
		dst = append(appendFloat(append(dst, `le="`...), bound), '"')
		if s.after != "" {
			dst = append(append(dst, ','), s.after...)
		}
		dst = appendFloat(append(dst, "} "...), float64(n))
		dst = append(dst, '\n')
	}
	dst = s.sample(dst, f.name, "_count", float64(n))
	return s.sample(dst, f.name, "_sum", s.value.get())
}

func (s *series) sample(dst []byte, name, suffix string, x float64) []byte {
	dst = append(append(dst, name...), suffix...)
	if s.before != "" || s.after != "" {
		dst = append(append(dst, '{'), s.before...)
		if s.before != "" && s.after != "" {
			dst = append(dst, ',')
		}
		dst = append(append(dst, s.after...), '}')
	}
	return append(appendFloat(append(dst, ' '), x), '\n')
}

func appendHead(dst []byte, name, help string, k kind) []byte {
	dst = append(append(dst, "# HELP "...), name...)
	dst = append(append(dst, ' '), help...)
	dst = append(append(dst, "\n# TYPE "...), name...)
	dst = append(append(dst, ' '), k.String()...)
	return append(dst, '\n')
}

// appendLabels prints sorted labels.
func appendLabels(dst []byte, labels []Label) []byte {
	for i, l := range labels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, l.Name...), `="`...)
		for j := range len(l.Value) {
			switch c := l.Value[j]; c {
			case '\\':
				dst = append(dst, `\\`...)
			case '\n':
				dst = append(dst, `\n`...)
			case '"':
				dst = append(dst, `\"`...)
			default:
				dst = append(dst, c)
			}
		}
		dst = append(dst, '"')
	}
	return dst
}

// appendFloat prints as prometheus_client's floatToGoString does: Python's repr,
// with an exponent from a million on, before which it always writes a zero.
func appendFloat(dst []byte, x float64) []byte {
	switch {
	case math.IsInf(x, 1):
		return append(dst, "+Inf"...)
	case math.IsInf(x, -1):
		return append(dst, "-Inf"...)
	case math.IsNaN(x):
		return append(dst, "NaN"...)
	}
	from := len(dst)
	dst = python.AppendFloat(dst, x)
	whole, fraction, _ := strings.Cut(string(dst[from:]), ".")
	if x <= 0 || len(whole) <= 6 || strings.Contains(whole, "e") {
		return dst
	}
	mantissa := strings.TrimRight(whole[:1]+"."+whole[1:]+fraction, "0.")
	return strconv.AppendInt(append(append(dst[:from], mantissa...), "e+0"...), int64(len(whole)-1), 10)
}
