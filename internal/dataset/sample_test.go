package dataset

import (
	"bytes"
	"testing"
)

// The sample is a ShareGPT file like any other, is the same every time, and spreads
// its lengths.
func TestSample(t *testing.T) {
	in, err := Open(SamplePath)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if name, err := detect(in, Labels{}); err != nil || name != "sharegpt" {
		t.Errorf("the sample is taken for %q, %v", name, err)
	}
	a, b := Sample(), Sample()
	if !bytes.Equal(a, b) {
		t.Error("two samples differ")
	}
	if n := bytes.Count(a, []byte(`"from":"human"`)); n != sampleSize {
		t.Errorf("%d prompts, want %d", n, sampleSize)
	}
	if len(a) < 200_000 || len(a) > 2_000_000 {
		t.Errorf("%d bytes", len(a))
	}
}
