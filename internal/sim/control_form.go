package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"tokmeter/internal/python"
)

// A problem is one error of pydantic, which checks what vLLM is sent.
type problem struct {
	kind, loc, msg string
	input          string // the offending value as vLLM shows it; "" with bare
	bare           bool   // msg alone
	ctx            string // further fields, as Python prints them
}

func (p problem) String() string {
	if p.bare {
		return p.msg
	}
	s := fmt.Sprintf("{'type': %s, 'loc': %s, 'msg': %s, 'input': %s", python.Quote(p.kind), python.Quote(p.loc), python.Quote(p.msg), python.Quote(p.input))
	if p.ctx != "" {
		s += ", 'ctx': " + p.ctx
	}
	s += "}"
	if utf8.RuneCountInString(s) > maxProblem {
		s = string([]rune(s)[:maxProblem]) + "...[truncated]"
	}
	return s
}

// Bounds of vLLM on what it says of a bad request.
const (
	maxProblems = 10
	maxProblem  = 1000
	maxInput    = 200
)

// invalid is vLLM's answer to a request that has problems.
func invalid(problems []problem) *apiError {
	label := "errors"
	if len(problems) == 1 {
		label = "error"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d validation %s:\n", len(problems), label)
	for _, p := range problems[:min(len(problems), maxProblems)] {
		b.WriteString("  " + p.String() + "\n")
	}
	if n := len(problems) - maxProblems; n > 0 {
		fmt.Fprintf(&b, "  ...and %d more %s\n", n, label)
	}
	param := ""
	if !problems[0].bare {
		param = problems[0].loc
	}
	return &apiError{http.StatusBadRequest, "Bad Request", param, sanitize(b.String())}
}

// shown is a JSON value as vLLM shows it in an error.
func shown(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "None"
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return cut(s)
		}
	case '[':
		var l []json.RawMessage
		if json.Unmarshal(raw, &l) == nil {
			return fmt.Sprintf("<list of %d items>", len(l))
		}
	case '{':
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) == nil {
			return fmt.Sprintf("<dict of %d items>", len(m))
		}
	case 'n':
		return "None"
	case 't':
		return "True"
	case 'f':
		return "False"
	}
	return cut(string(raw))
}

func cut(s string) string {
	if utf8.RuneCountInString(s) > maxInput {
		return string([]rune(s)[:maxInput]) + "...[truncated]"
	}
	return s
}

// A form is a request's body, an object whose fields are read one by one. What
// is wrong with them gathers in problems.
type form struct {
	fields   map[string]json.RawMessage
	problems []problem
}

// newForm reads the body of a call; models is how many forms vLLM tries it
// against, each of which complains of a body that is no object.
func newForm(c *call, models int) (*form, *apiError) {
	kind, _, _ := strings.Cut(strings.ToLower(c.Header.Get("Content-Type")), ";")
	if kind != "application/json" {
		return nil, invalid([]problem{{bare: true, msg: "Unsupported Media Type: Only 'application/json' is allowed"}})
	}
	return parseForm(c.body, models)
}

func parseForm(body []byte, models int) (*form, *apiError) {
	if len(body) == 0 {
		return nil, invalid([]problem{{kind: "missing", loc: "body", msg: "Field required", input: "None"}})
	}
	f := &form{}
	err := json.Unmarshal(body, &f.fields)
	if err == nil && f.fields != nil {
		return f, nil
	}
	if fault, bad := python.CheckJSON(string(body)); bad {
		return nil, invalid([]problem{{kind: "json_invalid", loc: "body." + strconv.Itoa(fault.At), msg: "JSON decode error",
			input: "<dict of 0 items>", ctx: "{'error': " + python.Quote(fault.Why) + "}"}})
	}
	if string(bytes.TrimSpace(body)) == "null" {
		return nil, invalid([]problem{{kind: "missing", loc: "body", msg: "Field required", input: "None"}})
	}
	p := problem{kind: "model_attributes_type", loc: "body",
		msg: "Input should be a valid dictionary or object to extract fields from", input: shown(body)}
	problems := make([]problem, models)
	for i := range problems {
		problems[i] = p
	}
	return nil, invalid(problems)
}

// err is the answer to the problems so far, nil when there are none.
func (f *form) err() *apiError {
	if len(f.problems) == 0 {
		return nil
	}
	return invalid(f.problems)
}

func (f *form) add(kind, loc, msg, input, ctx string) {
	f.problems = append(f.problems, problem{kind: kind, loc: loc, msg: msg, input: input, ctx: ctx})
}

func (f *form) missing(name string) {
	f.add("missing", "body."+name, "Field required", fmt.Sprintf("<dict of %d items>", len(f.fields)), "")
}

// has reports whether the body has the field and it is not null.
func (f *form) has(name string) bool {
	raw := bytes.TrimSpace(f.fields[name])
	return len(raw) > 0 && string(raw) != "null"
}

// text reads a string that must be there.
func (f *form) text(name string) string {
	raw, ok := f.fields[name]
	if !ok {
		f.missing(name)
		return ""
	}
	var s string
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		f.add("string_type", "body."+name, "Input should be a valid string", shown(raw), "")
	}
	return s
}

// optional reads a string that may be absent or null.
func (f *form) optional(name string) string {
	if !f.has(name) {
		return ""
	}
	return f.text(name)
}

// flag reads a truth value; def where it is absent.
func (f *form) flag(name string, def bool) bool {
	if _, ok := f.fields[name]; !ok {
		return def
	}
	raw := bytes.TrimSpace(f.fields[name])
	switch string(raw) {
	case "true", "false":
		return string(raw) == "true"
	case "1", "1.0", "0", "0.0":
		return raw[0] == '1'
	}
	var s string
	if json.Unmarshal(raw, &s) == nil && raw[0] == '"' {
		if b, ok := pyBool(s); ok {
			return b
		}
		f.add("bool_parsing", "body."+name, "Input should be a valid boolean, unable to interpret input", shown(raw), "")
		return def
	}
	f.add("bool_type", "body."+name, "Input should be a valid boolean", shown(raw), "")
	return def
}

// number reads a whole number as pydantic does: 3, 3.0 and "3" are 3. It
// returns the kind and message of an error.
func number(raw json.RawMessage) (n int64, kind, msg string) {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
				return n, "", ""
			}
		}
		return 0, "int_parsing", "Input should be a valid integer, unable to parse string as an integer"
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, "", ""
	}
	x, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case string(raw) == "true":
		return 1, "", ""
	case string(raw) == "false":
		return 0, "", ""
	case err != nil:
		return 0, "int_type", "Input should be a valid integer"
	case x != math.Trunc(x):
		return 0, "int_from_float", "Input should be a valid integer, got a number with a fractional part"
	case math.Abs(x) >= 1<<63:
		return math.MaxInt64, "", ""
	}
	return int64(x), "", ""
}

// whole reads a whole number; nil where it is absent or null.
func (f *form) whole(name string) *int64 {
	if !f.has(name) {
		return nil
	}
	n, kind, msg := number(f.fields[name])
	if kind != "" {
		f.add(kind, "body."+name, msg, shown(f.fields[name]), "")
		return nil
	}
	return &n
}

// ids reads a list of token ids that must be there.
func (f *form) ids(name string) []int {
	raw, ok := f.fields[name]
	if !ok {
		f.missing(name)
		return nil
	}
	var list []json.RawMessage
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &list) != nil {
		f.add("list_type", "body."+name, "Input should be a valid list", shown(raw), "")
		return nil
	}
	ids := make([]int, 0, len(list))
	for i, part := range list {
		loc := "body." + name + "." + strconv.Itoa(i)
		n, kind, msg := number(part)
		switch {
		case kind != "":
			f.add(kind, loc, msg, shown(part), "")
		case n < 0:
			f.add("greater_than_equal", loc, "Input should be greater than or equal to 0", shown(part), "{'ge': 0}")
		default:
			ids = append(ids, int(n))
		}
	}
	return ids
}

// pyBool reads a word as pydantic does.
func pyBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "true", "t", "yes", "y", "on":
		return true, true
	case "0", "false", "f", "no", "n", "off":
		return false, true
	}
	return false, false
}

// A query is the part of a URL behind the question mark, read as FastAPI does:
// of a parameter given twice the last counts.
type query struct {
	values   url.Values
	problems []problem
}

func newQuery(c *call) *query { return &query{values: c.URL.Query()} }

func (q *query) last(name string) (string, bool) {
	all := q.values[name]
	if len(all) == 0 {
		return "", false
	}
	return all[len(all)-1], true
}

func (q *query) add(kind, name, msg, ctx string) {
	s, _ := q.last(name)
	q.problems = append(q.problems, problem{kind: kind, loc: "query." + name, msg: msg, input: cut(s), ctx: ctx})
}

func (q *query) err() *apiError {
	if len(q.problems) == 0 {
		return nil
	}
	return invalid(q.problems)
}

// flag reads a truth value.
func (q *query) flag(name string, def bool) bool {
	s, ok := q.last(name)
	if !ok {
		return def
	}
	b, ok := pyBool(s)
	if !ok {
		q.add("bool_parsing", name, "Input should be a valid boolean, unable to interpret input", "")
	}
	return b
}

// between reads a whole number in [low, high].
func (q *query) between(name string, def, low, high int) int {
	s, ok := q.last(name)
	if !ok {
		return def
	}
	n, err := strconv.Atoi(strings.TrimSpace(s))
	switch {
	case err != nil:
		q.add("int_parsing", name, "Input should be a valid integer, unable to parse string as an integer", "")
	case n < low:
		q.add("greater_than_equal", name, fmt.Sprintf("Input should be greater than or equal to %d", low), fmt.Sprintf("{'ge': %d}", low))
	case n > high:
		q.add("less_than_equal", name, fmt.Sprintf("Input should be less than or equal to %d", high), fmt.Sprintf("{'le': %d}", high))
	default:
		return n
	}
	return def
}

// choice reads one of several words, the first of which is the default.
func (q *query) choice(name string, words ...string) string {
	s, ok := q.last(name)
	if !ok {
		return words[0]
	}
	for _, w := range words {
		if s == w {
			return s
		}
	}
	list := literals(words)
	q.add("literal_error", name, "Input should be "+list, "{'expected': "+python.Quote(list)+"}")
	return words[0]
}

// literals is how pydantic lists words: 'a', 'b' or 'c'.
func literals(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString("'" + w + "'")
	}
	return b.String()
}
