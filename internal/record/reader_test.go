package record

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crypto/sha256"
	"fmt"
	"github.com/google/go-cmp/cmp"
	"slices"
)

func pack(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if _, err := io.WriteString(zw, text); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readAll(from io.Reader) (n int, last error) {
	for rec, err := range Read(from) {
		if err != nil {
			return n, err
		}
		if rec == nil {
			return n, errors.New("neither a record nor an error")
		}
		n++
	}
	return n, nil
}

// A file cut at any byte gives the whole lines before the cut, in order, and
// says that it was cut.
func TestReadCutAnywhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	want := write(t, dir, 12)
	whole, err := os.ReadFile(filepath.Join(dir, recordsFile))
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for end := range len(whole) {
		n := 0
		for rec, err := range Read(bytes.NewReader(whole[:end])) {
			if err != nil {
				var cut *Cut
				if !errors.As(err, &cut) || cut.Records != n {
					t.Fatalf("cut at %d of %d: got %v after %d records", end, len(whole), err, n)
				}
				continue
			}
			if d := cmp.Diff(want[n], rec); d != "" {
				t.Fatalf("cut at %d: record %d: %s", end, n, d)
			}
			n++
		}
		// Only the gzip trailer may be missing when the footer was read.
		if n < most {
			t.Fatalf("cut at %d gives %d records, an earlier cut gave %d", end, n, most)
		}
		most = n
	}
	if most != 12 {
		t.Fatalf("the longest cut gave %d records, want 12", most)
	}
}

func TestReadDamage(t *testing.T) {
	one := `{"index":0,"due":1,"outcome":"ok"}` + "\n"
	foot := func(n int, sum string) string {
		b, err := json.Marshal(footerLine{&footer{n, sum}})
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + "\n"
	}
	tests := []struct {
		why, text string
		n         int
		want      string // in the error; "" for none
		cut       bool
	}{
		{"no footer", one + one, 2, "footer is missing, 2 whole records", true},
		{"the last line is cut", one + `{"index":1,"du`, 1, "the last line was cut off", true},
		{"nothing at all", "", 0, "0 whole records", true},
		{"broken JSON in the middle is no cut", one + "{]\n" + one, 1, "line 2", false},
		{"the footer counts other records", one + foot(2, ""), 1, "counts 2 records, the file has 1", false},
		{"a record was changed", one + foot(1, strings.Repeat("0", 64)), 1, "checksum", false},
		{"the footer is broken", one + `{"footer":7}` + "\n", 1, "bad footer", false},
		{"keys that a later format adds are skipped", `{"index":0,"colour":"red"}` + "\n", 1, "footer is missing", true},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			n, err := readAll(bytes.NewReader(pack(t, tt.text)))
			var cut *Cut
			if n != tt.n || err == nil || !strings.Contains(err.Error(), tt.want) || errors.As(err, &cut) != tt.cut {
				t.Fatalf("got %d records and %v, want %d and %q", n, err, tt.n, tt.want)
			}
		})
	}
}

func TestReadNoGzip(t *testing.T) {
	if _, err := readAll(strings.NewReader("plain text, no gzip")); !errors.Is(err, gzip.ErrHeader) {
		t.Fatalf("got %v, want %v", err, gzip.ErrHeader)
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct{ why, head, want string }{
		{"a folder that is no run", "", "is no run directory"},
		{"a later format", `{"format":99}`, "format 99"},
		{"no format", `{}`, "format 0"},
		{"broken JSON", `{"format":`, "run.json"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			dir := t.TempDir()
			if tt.head != "" {
				if err := os.WriteFile(filepath.Join(dir, headFile), []byte(tt.head), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Open(dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want one line with %q", err, tt.want)
			}
		})
	}
}

func TestRecordsFileMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	write(t, dir, 1)
	if err := os.Remove(filepath.Join(dir, recordsFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, dir); err == nil || !strings.Contains(err.Error(), recordsFile) {
		t.Fatalf("got %v", err)
	}
}

// FuzzRead reads foreign bytes, packed and as they are: it always ends, never
// panics, and a damaged file never yields more than it holds.
// One record that is too long costs itself and no other.
func TestReadLong(t *testing.T) {
	line := func(index int, text string) string {
		b, err := json.Marshal(&Record{Index: index, Text: text, Outcome: OK})
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + "\n"
	}
	const most = 1 << 20
	lines := line(0, "a") + line(1, strings.Repeat("x", 3*most)) + line(2, "b")
	sum := sha256.Sum256([]byte(lines))
	foot := fmt.Sprintf(`{"footer":{"records":3,"sha256":"%x"}}`+"\n", sum)
	for why, text := range map[string]string{"whole": lines + foot, "killed after it": lines, "killed within it": lines[:2*most]} {
		var got []int
		var long, cut bool
		for rec, err := range readLimited(bytes.NewReader(pack(t, text)), most) {
			switch {
			case errors.As(err, new(*Long)):
				long = true
				if want := "line 2 is longer than 1 MiB, and its record is left out"; err.Error() != want {
					t.Errorf("%s: got %v, want %q", why, err, want)
				}
			case errors.As(err, new(*Cut)):
				cut = true
			case err != nil:
				t.Errorf("%s: %v", why, err)
			default:
				got = append(got, rec.Index)
			}
		}
		want := []int{0, 2}
		if why == "killed within it" {
			want = []int{0}
		}
		if !slices.Equal(got, want) || long != (why != "killed within it") || cut != (why != "whole") {
			t.Errorf("%s: got the records %v, too long %t, cut %t", why, got, long, cut)
		}
	}
}

func FuzzRead(f *testing.F) {
	one, err := json.Marshal(sample(0, 3))
	if err != nil {
		f.Fatal(err)
	}
	line := string(one) + "\n"
	f.Add([]byte(line+line), 0)
	f.Add([]byte(line+`{"footer":{"records":1,"sha256":"00"}}`+"\n"), 3)
	f.Add([]byte("\n\n{}\nnull\n[]\n"), 1)
	f.Add([]byte(`{"index":1e99,"events":[-1,0],"per_event":[70000]}`+"\n"), 0)
	f.Add([]byte("{\"footer\":"), 7)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		_, _ = readAll(bytes.NewReader(data))
		packed := pack(t, string(data))
		if cut > 0 && cut < len(packed) {
			packed = packed[:len(packed)-cut]
		}
		n, err := readAll(bytes.NewReader(packed))
		if most := bytes.Count(data, []byte("\n")); n > most {
			t.Fatalf("%d records from %d lines", n, most)
		}
		if err == nil && !bytes.Contains(data, []byte("footer")) {
			t.Fatal("a file without a footer was taken for whole")
		}
	})
}

// FuzzReadHead opens run directories with foreign run.json files.
func FuzzReadHead(f *testing.F) {
	b, err := json.Marshal(Head{Format: 1, Environment: Here(), Counts: map[int]Count{1: {2, FromServer}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":1,"counts":{"x":{}},"begun":"yesterday"}`))
	f.Add([]byte(`{"format":1,"ending":{"start":5,"warnings":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, headFile), data, 0o600); err != nil {
			t.Fatal(err)
		}
		run, err := Open(dir)
		if err != nil {
			return
		}
		if _, _, _, err := run.Load(); err == nil {
			t.Fatal("there is no records file")
		}
	})
}

func TestRecount(t *testing.T) {
	tests := []struct {
		why    string
		n      int
		events []Stamp
		want   []uint16
	}{
		{"as many tokens as events: one each", 3, []Stamp{1, 2, 3}, []uint16{1, 1, 1}},
		{"more tokens than events: not known", 7, []Stamp{1, 2, 3}, []uint16{0, 0, 9}},
	}
	for _, tt := range tests {
		r := &Record{Events: tt.events, PerEvent: []uint16{0, 0, 9}}
		r.Recount(Count{tt.n, FromTokenizer})
		if d := cmp.Diff(tt.want, r.PerEvent); d != "" || r.OutputTokens.N != tt.n {
			t.Errorf("%s: %s", tt.why, d)
		}
	}
}
