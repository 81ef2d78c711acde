package measure

import (
	"strings"
	"testing"
)

// TestRedactedArgs: no secret of a command line reaches a file, however its flag
// is written.
func TestRedactedArgs(t *testing.T) {
	for _, line := range []string{
		"--api-key s3cret --num-prompts 3", "--api-key=s3cret", "--api_key s3cret", "--api_key=s3cret", "--api s3cret --model m",
		"--header X-Key=s3cret Authorization=s3cret --model m", "--header=X-Key=s3cret", "--head X=s3cret",
		"--header A=s3cret --api-key s3cret", "--endpoint /v1/completions?api-key=s3cret", "--endpoint=/v1?key=s3cret&x=1 --model m",
	} {
		got := strings.Join(RedactedArgs(strings.Fields(line)), " ")
		if strings.Contains(got, "s3cret") || !strings.Contains(got, "***") {
			t.Errorf("%s: got %s", line, got)
		}
		if strings.Contains(line, "--model m") != strings.Contains(got, "--model m") {
			t.Errorf("%s lost a word: %s", line, got)
		}
	}
}
