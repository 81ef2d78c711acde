// Package steps runs cases of scheduling through the scheduler and writes what
// it decided, step by step, in the format in which vLLM's own decisions were
// recorded: a file of cases goes in, and the same bytes come out as vLLM's
// scheduler gave, if both agree.
//
// It promises to read any file without harm: what is too large, could never be
// served or does not end is refused with one line that names the case. It opens
// no file and knows no clock.
package steps

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
)

// Version is the release of vLLM whose decisions are followed; the field "vllm"
// of the output holds it, as it does in a recording.
const Version = "0.32.0"

// maxFile bounds a file of cases, in bytes.
const maxFile = 64 << 20

// maxWork bounds what all cases of a file may cost together: blocks, tokens and
// steps, and each request in each step.
const maxWork = 1 << 30

// maxSteps bounds one case, as the recorder does.
const maxSteps = 20000

// Run reads cases, runs each through the scheduler and writes the steps. Errors
// name the case and its request. Nothing is written unless every case is sound.
func Run(r io.Reader, w io.Writer) error {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return fmt.Errorf("cases: %w", err)
	}
	if len(data) > maxFile {
		return fmt.Errorf("cases: more than %d MiB; split the file", maxFile>>20)
	}
	cases, err := parse(data)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(out, `{"vllm":%q,"cases_sha256":"%x","cases":[`, Version, sha256.Sum256(data))
	work := maxWork
	for i := range cases {
		buf, err := cases[i].run(&work)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(buf)
	}
	out.WriteString("\n]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("steps: %w", err)
	}
	return nil
}

// token is the token at absolute position i of the sequence that seed names.
func token(seed int64, i int) int {
	const m = 50000
	return int(((seed%m+m)%m*1000003+int64(i)%m*7919)%m) + 10
}
