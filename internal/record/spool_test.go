package record

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// fill sets every field of v, so that a field that is not packed is found.
func fill(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 4).Draw(t, "len")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i))
		}
	case reflect.String:
		v.SetString(rapid.StringN(0, 6, -1).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Uint16:
		v.SetUint(uint64(rapid.SampledFrom([]uint16{0, 1, 1, 1, 2, 65535}).Draw(t, "count")))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "number"))
	default:
		t.Fatalf("no value for %s", v.Type())
	}
}

// TestPacked packs and unpacks records in which every field is set, one after
// the other with the same unpacker: none of the one before may stay.
func TestPacked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var u unpacker
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			var want Record
			fill(t, reflect.ValueOf(&want).Elem())
			b := appendPacked(nil, &want)
			got, err := u.unpack(b)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(&want, got, cmpopts.EquateEmpty()); d != "" {
				t.Fatal(d)
			}
			if packedIndex(b) != want.Index {
				t.Fatalf("index %d, want %d", packedIndex(b), want.Index)
			}
		}
	})
}

// FuzzUnpack: damaged bytes are an error and never a crash.
func FuzzUnpack(f *testing.F) {
	r := Record{Index: 3, Due: 5, Events: []Stamp{7, 9}, PerEvent: []uint16{1, 2}, Text: "ab", Beside: []string{"c"}}
	f.Add(appendPacked(nil, &r))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var u unpacker
		if got, err := u.unpack(b); err == nil && len(got.Events) > len(b) {
			t.Fatalf("%d events of %d bytes", len(got.Events), len(b))
		}
	})
}

// collected is all records of a pass.
func collected(t *testing.T, p Pass) []*Record {
	t.Helper()
	var all []*Record
	for r, err := range p {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r.Clone())
	}
	return all
}

// TestSpool compares passes with the records themselves, for a spool that keeps
// all in memory and for one that writes every few records out.
func TestSpool(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var recs []*Record
	for i := range 300 {
		r := &Record{Index: i, ID: fmt.Sprint("r", i), Outcome: OK, Text: "text", Due: Stamp(i) * 1e6}
		for k := range rng.IntN(30) {
			r.Events, r.PerEvent = append(r.Events, r.Due+Stamp(k)*1e6), append(r.PerEvent, 1)
		}
		recs = append(recs, r)
	}
	recs[7].Text = string(make([]byte, 100_000)) // longer than any buffer
	order := rng.Perm(len(recs))
	for _, chunk := range []int{1, 500, 4000, spoolChunk} {
		t.Run(fmt.Sprint(chunk), func(t *testing.T) {
			dir := t.TempDir()
			s := NewSpool(dir)
			s.chunk = chunk
			for _, i := range order {
				if err := s.Add(recs[i]); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if d := cmp.Diff(recs, collected(t, s.Pass()), cmpopts.EquateEmpty()); d != "" {
					t.Fatal(d)
				}
			}
			if s.Len() != len(recs) {
				t.Errorf("Len is %d", s.Len())
			}
			s.Recount(map[int]Count{3: {N: 77, From: FromTokenizer}})
			if got := collected(t, s.Pass())[3].OutputTokens; got.N != 77 {
				t.Errorf("recounted: %+v", got)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("the spool left %v", left)
			}
		})
	}
}

// TestSpoolStops: a pass that is left early can be begun again.
func TestSpoolStops(t *testing.T) {
	s := NewSpool(t.TempDir())
	defer s.Close()
	s.chunk = 1
	for i := range 9 {
		if err := s.Add(&Record{Index: 8 - i}); err != nil {
			t.Fatal(err)
		}
	}
	for r := range s.Pass() {
		if r.Index == 4 {
			break
		}
	}
	if n := len(collected(t, s.Pass())); n != 9 {
		t.Errorf("got %d records", n)
	}
}

// TestSpoolFails: a disk that takes nothing is an error of Add and of every
// pass, and no summary of half a run.
func TestSpoolFails(t *testing.T) {
	s := NewSpool(t.TempDir() + "/missing")
	s.chunk = 1
	if err := s.Add(&Record{}); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	for r, err := range s.Pass() {
		if r != nil || err == nil {
			t.Fatalf("got %v, %v", r, err)
		}
	}
}

// BenchmarkSpool adds records of 100 tokens and reads them again.
func BenchmarkSpool(b *testing.B) {
	r := &Record{ID: "bench-1234-1", Outcome: OK, Text: string(make([]byte, 400)), OutputTokens: Count{100, FromUsage}}
	for k := range 100 {
		r.Events, r.PerEvent = append(r.Events, Stamp(1e9+k*1e7)), append(r.PerEvent, 1)
	}
	b.Run("add", func(b *testing.B) {
		s := NewSpool(b.TempDir())
		defer s.Close()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r.Index = i
			if err := s.Add(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pass", func(b *testing.B) {
		s := NewSpool(b.TempDir())
		defer s.Close()
		for i := range 20_000 {
			r.Index = i
			if err := s.Add(r); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportAllocs()
		b.ResetTimer()
		for n := 0; n < b.N; {
			for range s.Pass() {
				n++
			}
		}
	})
}
