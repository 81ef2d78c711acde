package dataset

import (
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

// The columns of a BurstGPT table. Names find the first two, as in vLLM's
// client; the lengths are taken by position.
const (
	modelColumn    = "Model"
	responseColumn = "Response tokens"
	inputAt        = 2
	outputAt       = 3
)

const burstHint = "want BurstGPT: Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"

// ReadBurstGPT reads a BurstGPT table (CSV with a header line).
func ReadBurstGPT(in *Input) (*Rows, error) {
	r := csv.NewReader(in.r)
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
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	model, response := slices.Index(head, modelColumn), slices.Index(head, responseColumn)
	if model < 0 || response < 0 || len(head) <= outputAt {
		return nil, in.fail("line 1", burstHint, "the columns are %s", listed(head))
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
		if err := rows.add(rec, model, response); err != nil {
			return nil, in.fail(lineAt(line), burstHint, "%v", err)
		}
	}
}

// add takes one row; a row that ends early has empty fields at its end.
func (rows *Rows) add(rec []string, model, response int) error {
	rows.Entries++
	col := func(i int) string {
		if i < len(rec) {
			return rec[i]
		}
		return ""
	}
	answered, err := tokens(col(response))
	if err != nil {
		return fmt.Errorf("%s: %w", responseColumn, err)
	}
	switch {
	case col(model) != "GPT-4":
		rows.Dropped.Add("model is not GPT-4", 1)
		return nil
	case !(answered > 0):
		rows.Dropped.Add("no response tokens", 1)
		return nil
	}
	in, errIn := tokens(col(inputAt))
	out, errOut := tokens(col(outputAt))
	switch {
	case errIn != nil || col(inputAt) == "":
		return fmt.Errorf("request tokens are %q, want a number", col(inputAt))
	case errOut != nil || col(outputAt) == "":
		return fmt.Errorf("response tokens are %q, want a number", col(outputAt))
	case in < 0 || in > 1<<30 || out > 1<<30 || out < 0:
		return fmt.Errorf("%s and %s tokens are out of range", col(inputAt), col(outputAt))
	}
	rows.Kept = append(rows.Kept, Row{int32(in), int32(out)})
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
