package template

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type recorded struct {
	Name, Template string
	Messages       []Message
	Generation     bool
	Kwargs         string
	Text           *string
	Error          *string
}

func recordings(t testing.TB) []recorded {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Cases []recorded }
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("no case in the recording")
	}
	return golden.Cases
}

func clock() time.Time { return time.Date(2026, 3, 7, 9, 5, 4, 123456000, time.UTC) }

func render(t *testing.T, c *recorded) (string, error) {
	t.Helper()
	kwargs, err := Kwargs(c.Kwargs)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := Parse(c.Template, map[string]string{"bos_token": "<s>", "eos_token": "</s>"})
	if err != nil {
		return "", err
	}
	tmpl.Now = clock
	return tmpl.Render(c.Messages, c.Generation, kwargs)
}

func TestRendersAsTransformers(t *testing.T) {
	for _, c := range recordings(t) {
		t.Run(c.Name, func(t *testing.T) {
			got, err := render(t, &c)
			switch {
			case c.Error != nil && err == nil:
				t.Fatalf("got %q, want the error %q", got, *c.Error)
			case c.Error != nil:
			case err != nil:
				t.Fatalf("got the error %v, want %q", err, *c.Text)
			default:
				if d := cmp.Diff(*c.Text, got); d != "" {
					t.Fatalf("got %q, want %q", got, *c.Text)
				}
			}
		})
	}
}
