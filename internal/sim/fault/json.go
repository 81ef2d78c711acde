package fault

import (
	"strconv"
	"time"
)

// A value is where in some JSON a member's value stands, and where the whole
// member does, with one comma beside it.
type value struct{ from, to, memberFrom, memberTo int }

// find returns the value at path in the JSON object b; "0" stands for the first
// element of an array.
func find(b []byte, path ...string) (value, bool) {
	v := value{from: space(b, 0), to: len(b)}
	for _, name := range path {
		var ok bool
		if v, ok = member(b, v.from, name); !ok {
			return value{}, false
		}
	}
	return v, true
}

// member finds a member of the object, or the first element of the array, that
// begins at i.
func member(b []byte, i int, name string) (value, bool) {
	if i >= len(b) {
		return value{}, false
	}
	if b[i] == '[' {
		from := space(b, i+1)
		if name != "0" || from >= len(b) || b[from] == ']' {
			return value{}, false
		}
		to := skip(b, from)
		return value{from: from, to: to}, to > 0
	}
	if b[i] != '{' {
		return value{}, false
	}
	i++
	for {
		start := space(b, i)
		end := skip(b, start)
		if end < 0 || b[start] != '"' {
			return value{}, false
		}
		colon := space(b, end)
		if colon >= len(b) || b[colon] != ':' {
			return value{}, false
		}
		from := space(b, colon+1)
		to := skip(b, from)
		if to < 0 {
			return value{}, false
		}
		next := space(b, to)
		more := next < len(b) && b[next] == ','
		if string(b[start+1:end-1]) == name {
			v := value{from, to, start, to}
			if more {
				v.memberTo = next + 1
			} else if i > 0 && b[i-1] == ',' {
				v.memberFrom = i - 1
			}
			return v, true
		}
		if !more {
			return value{}, false
		}
		i = next + 1
	}
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skip returns the end of the value that begins at i, or -1. It does not check
// that the value is well formed inside.
func skip(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if i >= len(b) {
				return -1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return -1
			}
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return -1
			}
			continue
		default:
			for i+1 < len(b) && !delimiter(b[i+1]) {
				i++
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
	return -1
}

func delimiter(c byte) bool {
	switch c {
	case ',', ':', ' ', '\t', '\r', '\n', '}', ']', '{', '[', '"':
		return true
	}
	return false
}

// replace puts text in the place of the value at path, where there is one.
func replace(b []byte, text string, path ...string) []byte {
	v, ok := find(b, path...)
	if !ok {
		return b
	}
	out := append(make([]byte, 0, len(b)+len(text)), b[:v.from]...)
	out = append(out, text...)
	return append(out, b[v.to:]...)
}

// remove takes the member at path away, where there is one.
func remove(b []byte, path ...string) []byte {
	v, ok := find(b, path...)
	if !ok {
		return b
	}
	return append(append(make([]byte, 0, len(b)), b[:v.memberFrom]...), b[v.memberTo:]...)
}

// add adds n to the integer at path, where there is one; it does not go below 0.
func add(b []byte, n int64, path ...string) []byte {
	v, ok := find(b, path...)
	if !ok {
		return b
	}
	old, err := strconv.ParseInt(string(b[v.from:v.to]), 10, 64)
	if err != nil {
		return b
	}
	return replace(b, strconv.FormatInt(max(old+n, 0), 10), path...)
}

// textPath is where an event's or answer's text stands; nil where it has none.
func textPath(b []byte) []string {
	for _, p := range [][]string{{"choices", "0", "text"}, {"choices", "0", "delta", "content"}, {"choices", "0", "delta", "reasoning"}, {"delta"}} {
		if v, ok := find(b, p...); ok && b[v.from] == '"' {
			return p
		}
	}
	return nil
}

// edit changes ids, times and usage in the JSON of an event or an answer. It
// returns nil for an event that is nothing but usage, where usage is left out.
func (d Decision) edit(b []byte) []byte {
	if d.DuplicateIDs {
		b = replace(b, `"sim-duplicate"`, "id")
		b = replace(b, `"sim-duplicate"`, "response", "id")
	}
	if d.Skew != 0 {
		off := int64(d.Skew / time.Second)
		for _, p := range [][]string{{"created"}, {"created_at"}, {"response", "created_at"}} {
			b = add(b, off, p...)
		}
	}
	for _, root := range [][]string{{}, {"response"}} {
		usage := append(root[:len(root):len(root)], "usage")
		if d.NoUsage {
			before := len(b)
			b = remove(b, usage...)
			if v, ok := find(b, "choices"); ok && len(b) < before && space(b, v.from+1) == v.to-1 {
				return nil
			}
		}
		if d.UsageOff != 0 {
			for _, name := range []string{"completion_tokens", "output_tokens", "total_tokens"} {
				b = add(b, int64(d.UsageOff), append(usage[:len(usage):len(usage)], name)...)
			}
		}
	}
	return b
}
