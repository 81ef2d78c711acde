package replay

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// readCSV reads a table with a header, whose names are those of JSON.
func readCSV(r io.Reader, b *builder) error {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	c.ReuseRecord = true
	head, err := c.Read()
	if err != nil {
		return fmt.Errorf("neither JSON nor CSV (%v): %s", err, readHint)
	}
	keys := make([]string, len(head))
	for i, h := range head {
		keys[i] = plainKey(h)
	}
	known := func(names []name) bool {
		for _, n := range names {
			for _, k := range keys {
				if k == n.key {
					return true
				}
			}
		}
		return false
	}
	for _, want := range []struct {
		what  string
		names []name
	}{
		{"prompt tokens (such as Request tokens, ContextTokens or input_tokens)", promptNames()},
		{"output tokens (such as Response tokens, GeneratedTokens or output_tokens)", outputNames()},
		{"arrival (such as Timestamp or arrival)", arrivalNames()},
	} {
		if !known(want.names) {
			return fmt.Errorf("neither JSON nor CSV with a header that names a column of %s: it begins with %q", want.what, short([]byte(strings.Join(head, ","))))
		}
	}
	for {
		rec, err := c.Read()
		if errors.Is(err, io.EOF) {
			b.format = "csv"
			return nil
		}
		if err != nil {
			return fmt.Errorf("%v: fetch the file again", err)
		}
		line, _ := c.FieldPos(0)
		f := make(fields, len(keys))
		for i, v := range rec {
			if i >= len(keys) || v == "" {
				continue
			}
			if _, there := f[keys[i]]; !there { // of two columns of one name the first counts, as to pandas
				f[keys[i]] = json.RawMessage(strconv.Quote(v))
			}
		}
		a, _, err := f.arrival(b)
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		m, err := f.measured(b, a.Output)
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		b.add("csv", a, m)
	}
}
