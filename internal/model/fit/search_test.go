package fit

import (
	"os"
	"testing"

	"tokmeter/internal/model/roofline"
)

func TestFit(t *testing.T) {
	if os.Getenv("FIT") == "" {
		t.Skip()
	}
	folder := os.DirFS("testdata")
	runs, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	s := &Search{Folder: folder, Runs: runs, Constants: Constants(), Text: roofline.CardsYAML(), Log: t.Logf}
	x, err := s.Fit(8)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range s.Constants {
		_, v, _ := find(s.Text, c.Path)
		t.Logf("%-50s %8.3g -> %8.3g (prior %.3g)", c.Path, v, x[i], c.Prior)
	}
	text, err := Write(s.Text, s.Constants, x)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(os.Getenv("FIT"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}
