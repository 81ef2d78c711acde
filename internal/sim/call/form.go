package call

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

// A Problem is one error of pydantic, which checks what vLLM is sent.
type Problem struct {
	Kind, Loc, Msg string
	Input          string // the offending value as vLLM shows it; "" with bare
	bare           bool   // msg alone
	Ctx            string // further fields, as Python prints them
}

// String is the problem as vLLM shows it.
func (p Problem) String() string {
	if p.bare {
		return p.Msg
	}
	s := fmt.Sprintf("{'type': %s, 'loc': %s, 'msg': %s, 'input': %s", python.Quote(p.Kind), python.Quote(p.Loc), python.Quote(p.Msg), python.Quote(p.Input))
	if p.Ctx != "" {
		s += ", 'ctx': " + p.Ctx
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

// Invalid is vLLM's answer to a request that has problems.
func Invalid(problems []Problem) *Error {
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
		param = problems[0].Loc
	}
	return NewError(http.StatusBadRequest, "Bad Request", param, Sanitize(b.String()))
}

// Shown is a JSON value as vLLM shows it in an error.
func Shown(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "None"
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return Cut(s)
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
	return Cut(string(raw))
}

// Cut is a text as vLLM shows it in an error.
func Cut(s string) string {
	if utf8.RuneCountInString(s) > maxInput {
		return string([]rune(s)[:maxInput]) + "...[truncated]"
	}
	return s
}

// A Form is a request's body, an object whose fields are read one by one. What
// is wrong with them gathers in problems.
type Form struct {
	Fields   map[string]json.RawMessage
	problems []Problem
}

// NewForm reads the body of a call; models is how many forms vLLM tries it
// against, each of which complains of a body that is no object.
func NewForm(c *Call, models int) (*Form, *Error) {
	kind, _, _ := strings.Cut(strings.ToLower(c.Header.Get("Content-Type")), ";")
	if kind != "application/json" {
		return nil, Invalid([]Problem{{bare: true, Msg: "Unsupported Media Type: Only 'application/json' is allowed"}})
	}
	return ParseForm(c.Content, models)
}

// ParseForm is NewForm for a body alone.
func ParseForm(body []byte, models int) (*Form, *Error) {
	if len(body) == 0 {
		return nil, Invalid([]Problem{{Kind: "missing", Loc: "body", Msg: "Field required", Input: "None"}})
	}
	f := &Form{}
	err := json.Unmarshal(body, &f.Fields)
	if err == nil && f.Fields != nil {
		return f, nil
	}
	if fault, bad := python.CheckJSON(string(body)); bad {
		return nil, Invalid([]Problem{{Kind: "json_invalid", Loc: "body." + strconv.Itoa(fault.At), Msg: "JSON decode error",
			Input: "<dict of 0 items>", Ctx: "{'error': " + python.Quote(fault.Why) + "}"}})
	}
	if string(bytes.TrimSpace(body)) == "null" {
		return nil, Invalid([]Problem{{Kind: "missing", Loc: "body", Msg: "Field required", Input: "None"}})
	}
	p := Problem{Kind: "model_attributes_type", Loc: "body",
		Msg: "Input should be a valid dictionary or object to extract fields from", Input: Shown(body)}
	problems := make([]Problem, models)
	for i := range problems {
		problems[i] = p
	}
	return nil, Invalid(problems)
}

// Err is the answer to the problems so far, nil when there are none.
func (f *Form) Err() *Error {
	if len(f.problems) == 0 {
		return nil
	}
	return Invalid(f.problems)
}

// Add notes a problem.
func (f *Form) Add(kind, loc, msg, input, ctx string) {
	f.problems = append(f.problems, Problem{Kind: kind, Loc: loc, Msg: msg, Input: input, Ctx: ctx})
}

// Missing notes that a field is not there.
func (f *Form) Missing(name string) {
	f.Add("missing", "body."+name, "Field required", fmt.Sprintf("<dict of %d items>", len(f.Fields)), "")
}

// Has reports whether the body has the field and it is not null.
func (f *Form) Has(name string) bool {
	raw := bytes.TrimSpace(f.Fields[name])
	return len(raw) > 0 && string(raw) != "null"
}

// Text reads a string that must be there.
func (f *Form) Text(name string) string {
	raw, ok := f.Fields[name]
	if !ok {
		f.Missing(name)
		return ""
	}
	var s string
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		f.Add("string_type", "body."+name, "Input should be a valid string", Shown(raw), "")
	}
	return s
}

// Optional reads a string that may be absent or null.
func (f *Form) Optional(name string) string {
	if !f.Has(name) {
		return ""
	}
	return f.Text(name)
}

// Flag reads a truth value; def where it is absent.
func (f *Form) Flag(name string, def bool) bool {
	if _, ok := f.Fields[name]; !ok {
		return def
	}
	raw := bytes.TrimSpace(f.Fields[name])
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
		f.Add("bool_parsing", "body."+name, "Input should be a valid boolean, unable to interpret input", Shown(raw), "")
		return def
	}
	f.Add("bool_type", "body."+name, "Input should be a valid boolean", Shown(raw), "")
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

// Whole reads a whole number; nil where it is absent or null.
func (f *Form) Whole(name string) *int64 {
	if !f.Has(name) {
		return nil
	}
	n, kind, msg := number(f.Fields[name])
	if kind != "" {
		f.Add(kind, "body."+name, msg, Shown(f.Fields[name]), "")
		return nil
	}
	return &n
}

// IDs reads a list of token ids that must be there.
func (f *Form) IDs(name string) []int {
	raw, ok := f.Fields[name]
	if !ok {
		f.Missing(name)
		return nil
	}
	var list []json.RawMessage
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &list) != nil {
		f.Add("list_type", "body."+name, "Input should be a valid list", Shown(raw), "")
		return nil
	}
	ids := make([]int, 0, len(list))
	for i, part := range list {
		loc := "body." + name + "." + strconv.Itoa(i)
		n, kind, msg := number(part)
		switch {
		case kind != "":
			f.Add(kind, loc, msg, Shown(part), "")
		case n < 0:
			f.Add("greater_than_equal", loc, "Input should be greater than or equal to 0", Shown(part), "{'ge': 0}")
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

// A Query is the part of a URL behind the question mark, read as FastAPI does:
// of a parameter given twice the last counts.
type Query struct {
	values   url.Values
	problems []Problem
}

// NewQuery reads the query of a call.
func NewQuery(c *Call) *Query { return &Query{values: c.URL.Query()} }

func (q *Query) last(name string) (string, bool) {
	all := q.values[name]
	if len(all) == 0 {
		return "", false
	}
	return all[len(all)-1], true
}

func (q *Query) Add(kind, name, msg, ctx string) {
	s, _ := q.last(name)
	q.problems = append(q.problems, Problem{Kind: kind, Loc: "query." + name, Msg: msg, Input: Cut(s), Ctx: ctx})
}

// Err is the answer to the problems so far, nil when there are none.
func (q *Query) Err() *Error {
	if len(q.problems) == 0 {
		return nil
	}
	return Invalid(q.problems)
}

// Flag reads a truth value.
func (q *Query) Flag(name string, def bool) bool {
	s, ok := q.last(name)
	if !ok {
		return def
	}
	b, ok := pyBool(s)
	if !ok {
		q.Add("bool_parsing", name, "Input should be a valid boolean, unable to interpret input", "")
	}
	return b
}

// Between reads a whole number in [low, high].
func (q *Query) Between(name string, def, low, high int) int {
	s, ok := q.last(name)
	if !ok {
		return def
	}
	n, err := strconv.Atoi(strings.TrimSpace(s))
	switch {
	case err != nil:
		q.Add("int_parsing", name, "Input should be a valid integer, unable to parse string as an integer", "")
	case n < low:
		q.Add("greater_than_equal", name, fmt.Sprintf("Input should be greater than or equal to %d", low), fmt.Sprintf("{'ge': %d}", low))
	case n > high:
		q.Add("less_than_equal", name, fmt.Sprintf("Input should be less than or equal to %d", high), fmt.Sprintf("{'le': %d}", high))
	default:
		return n
	}
	return def
}

// Choice reads one of several words, the first of which is the default.
func (q *Query) Choice(name string, words ...string) string {
	s, ok := q.last(name)
	if !ok {
		return words[0]
	}
	for _, w := range words {
		if s == w {
			return s
		}
	}
	list := Literals(words)
	q.Add("literal_error", name, "Input should be "+list, "{'expected': "+python.Quote(list)+"}")
	return words[0]
}

// Literals is how pydantic lists words: 'a', 'b' or 'c'.
func Literals(words []string) string {
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
