package dataset

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/record"
)

// A Row is one usable call of a BurstGPT table; lengths are in tokens.
type Row struct{ Input, Output int32 }

// Rows are the calls of a BurstGPT table that were answered by GPT-4. They take
// eight bytes each.
type Rows struct {
	Entries int // rows in the file
	Dropped record.Drops
	Kept    []Row
}

// The columns of a BurstGPT table, which are found by their names: later tables
// have a session and an elapsed time among them.
const (
	modelColumn    = "Model"
	requestColumn  = "Request tokens"
	responseColumn = "Response tokens"
)

const burstHint = "want BurstGPT: Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type, in any order"

// columns are where the names of a BurstGPT table stand.
type columns struct{ model, request, response int }

// ReadBurstGPT reads a BurstGPT table (CSV with a header line).
func ReadBurstGPT(in *Input) (*Rows, error) {
	text := bufio.NewReader(in.r)
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" {
		_, _ = text.Discard(3) // it has been peeked
	}
	r := csv.NewReader(text)
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, in.fail("", burstHint, "the file is empty")
		}
		return nil, in.csvError(err)
	}
	head = slices.Clone(head)
	var at columns
	for _, c := range []struct {
		name string
		to   *int
	}{{modelColumn, &at.model}, {requestColumn, &at.request}, {responseColumn, &at.response}} {
		*c.to = slices.IndexFunc(head, func(h string) bool {
			return strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(h), "_", " "), c.name)
		})
		if *c.to < 0 {
			return nil, in.fail("line 1", burstHint, "there is no column %q: the columns are %s", c.name, listed(head))
		}
	}
	rows := &Rows{}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, in.csvError(err)
		}
		line, _ := r.FieldPos(0)
		if len(rec) > len(head) {
			return nil, in.fail(lineAt(line), burstHint, "%d fields, the header has %d", len(rec), len(head))
		}
		if err := rows.add(rec, at); err != nil {
			return nil, in.fail(lineAt(line), burstHint, "%v", err)
		}
	}
}

// add takes one row; a row that ends early has empty fields at its end.
func (rows *Rows) add(rec []string, at columns) error {
	rows.Entries++
	col := func(i int) string {
		if i < len(rec) {
			return rec[i]
		}
		return ""
	}
	answered, err := tokens(col(at.response))
	if err != nil {
		return fmt.Errorf("%s: %w", responseColumn, err)
	}
	switch {
	case strings.TrimSpace(col(at.model)) != "GPT-4":
		rows.Dropped.Add("model is not GPT-4", 1)
		return nil
	case !(answered > 0):
		rows.Dropped.Add("no response tokens", 1)
		return nil
	}
	in, err := tokens(col(at.request))
	switch {
	case err != nil || col(at.request) == "":
		return fmt.Errorf("request tokens are %q, want a number", col(at.request))
	case in < 0 || in > 1<<30 || answered > 1<<30:
		return fmt.Errorf("%s and %s tokens are out of range", col(at.request), col(at.response))
	}
	rows.Kept = append(rows.Kept, Row{int32(in), int32(answered)})
	return nil
}

// tokens reads a number of tokens; an empty field is 0, as a missing value of
// pandas is not above it.
func tokens(s string) (float64, error) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v != v {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return v, nil
}

func (in *Input) csvError(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return &Error{File: in.name, At: lineAt(p.Line), What: p.Err.Error(), Hint: burstHint, Err: err}
	}
	return &Error{File: in.name, What: systemText(err), Hint: "fetch the file again", Err: err}
}

// listed shows names for a message, at most eight of them.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, n := range names {
		if i == 8 {
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		n = excerpt.Cut(strings.ToValidUTF8(n, "\uFFFD"), 40)
		b.WriteString(strconv.Quote(n))
	}
	return b.String()
}
