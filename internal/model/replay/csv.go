package replay

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
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
	if !known(promptNames()) || !known(outputNames()) {
		return fmt.Errorf("neither JSON nor CSV with a header that names prompt and output tokens (%q): %s", short([]byte(fmt.Sprint(head))), readHint)
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
			if i < len(keys) && v != "" {
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
