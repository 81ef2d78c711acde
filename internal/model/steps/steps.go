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

// version is the release of vLLM whose decisions are followed; the field "vllm"
// of the output holds it, as it does in a recording.
const version = "0.32.0"

// maxFile bounds a file of cases, in bytes.
const maxFile = 64 << 20

// maxWork bounds what all cases of a file may cost together, in bytes of output
// and in what takes about as much time or memory: a request in a step, a sixteenth
// of a prompt's token or of a block.
const maxWork = 1 << 28

// maxBlocks bounds a cache: about what 16 cards of 192 GB hold of a small model.
const maxBlocks = 1 << 22

// maxSteps bounds one case, as the recorder does.
const maxSteps = 20000

// Run reads cases, runs each through the scheduler and writes the steps. Errors
// name the case and its request; then nothing is written.
func Run(r io.Reader, w io.Writer) error {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return fmt.Errorf("cases: %w", err)
	}
	if len(data) > maxFile {
		return fmt.Errorf("cases: more than %d MiB; split the file", maxFile>>20)
	}
	return run(data, w, maxWork)
}

// run runs the cases of a file with bounds on what they may cost.
func run(data []byte, w io.Writer, work int) error {
	cases, err := parse(data, work)
	if err != nil {
		return err
	}
	texts := make([][]byte, len(cases))
	for i := range cases {
		if texts[i], err = cases[i].run(&work); err != nil {
			return err
		}
	}
	out := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(out, `{"vllm":%q,"cases_sha256":"%x","cases":[`, version, sha256.Sum256(data))
	for i, text := range texts {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(text)
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
