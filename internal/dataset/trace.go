package dataset

import "math"

// Labels name the fields of a timed trace.
type Labels struct{ Timestamp, InputLength, OutputLength, HashIDs string }

// A TraceEntry is one call of a timed trace; lengths are in tokens.
type TraceEntry struct {
	Time    float64 // in the trace's own unit
	Input   int
	Output  int
	HashIDs []string // one for each block of the prompt, as Python's str shows it
}

const traceHint = `want {"timestamp": 0, "input_length": 100, "output_length": 10, "hash_ids": [1, 2]} on each line`

// ReadTrace reads the first limit calls, at least one, of a timed trace (JSONL in the manner
// of Mooncake and Qwen).
func ReadTrace(in *Input, l Labels, limit int) ([]TraceEntry, error) {
	var es []TraceEntry
	err := in.eachObject("a JSON object", func(n int, m map[string]field) error {
		e, err := in.traceEntry(n, m, l)
		es = append(es, e)
		if err == nil && len(es) >= limit {
			err = errStop
		}
		return err
	})
	if err == nil && len(es) == 0 {
		err = in.fail("", traceHint, "the file is empty")
	}
	if err != nil {
		return nil, err
	}
	return es, nil
}

func (in *Input) traceEntry(n int, m map[string]field, l Labels) (e TraceEntry, err error) {
	if e.Input, err = in.traceInt(n, m, l.InputLength, "--timed-trace-label-input-length"); err != nil {
		return e, err
	}
	if e.Output, err = in.traceInt(n, m, l.OutputLength, "--timed-trace-label-output-length"); err != nil {
		return e, err
	}
	ts, err := in.traceField(n, m, l.Timestamp, "--timed-trace-label-timestamp")
	if err != nil {
		return e, err
	}
	t, ok := ts.float()
	if !ok || math.Abs(t) > 1e15 {
		return e, in.fail(lineAt(n), traceHint, "%q is %s, want a number", l.Timestamp, ts.shown())
	}
	e.Time = t
	hashes := m[l.HashIDs]
	switch hashes.kind {
	case "an array":
	case "":
		return e, nil
	default:
		return e, in.fail(lineAt(n), traceHint, "%q is %s, want an array", l.HashIDs, hashes.shown())
	}
	elements(hashes.text, func(f field) {
		if _, whole := f.int(); f.kind != "a string" && !(f.kind == "a number" && whole) && err == nil {
			err = in.fail(lineAt(n), traceHint, "%q holds %s, want whole numbers", l.HashIDs, f.shown())
		}
		e.HashIDs = append(e.HashIDs, f.text)
	})
	return e, err
}

func (in *Input) traceInt(n int, m map[string]field, label, flag string) (int, error) {
	f, err := in.traceField(n, m, label, flag)
	if err != nil {
		return 0, err
	}
	v, ok := f.int()
	if !ok || v < 0 || v > 1<<30 {
		return 0, in.fail(lineAt(n), traceHint, "%q is %s, want a number of tokens", label, f.shown())
	}
	return v, nil
}

func (in *Input) traceField(n int, m map[string]field, label, flag string) (field, error) {
	f, ok := m[label]
	if !ok || f.kind == "null" {
		return f, in.fail(lineAt(n), "name the field with "+flag, "there is no %q, only %s", label, listed(keys(m)))
	}
	return f, nil
}
