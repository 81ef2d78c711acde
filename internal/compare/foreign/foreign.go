// Package foreign reads the result files of other tools, each in a file of its
// own, and brings their numbers to tokmeter's definitions: milliseconds, TTFT
// from sending to the first token, TPOT without the first token, ITL between
// chunks, E2EL to the last token. What a tool counts otherwise and can't be turned
// into these is named in the result and left out of its numbers.
//
// It touches no disk: the caller gives it the files. It takes a file for what its
// keys say, whatever it is called, and refuses what it does not know.
package foreign

import (
	"errors"
	"fmt"
	"strings"

	"tokmeter/internal/compare"
)

// A File is one file of a result.
type File struct {
	Name string // the last part of its path
	Data []byte
}

// A document is a file with what is in it.
type document struct {
	name   string
	values []any  // JSON or YAML values, one after the other; nil for text
	text   string // the file itself
}

// A format is what one tool writes. Its function gives no result where the files
// are not of its tool.
type format struct {
	tool string
	read func(docs []document) []compare.Result
}

// formats lists the tools, those with keys of their own first: what vLLM's client
// writes is written by many, so it comes last.
func formats() []format {
	return []format{
		{"GuideLLM", guideLLM},
		{"AIPerf and genai-perf", aiPerf},
		{"inference-perf", inferencePerf},
		{"genai-bench", genAIBench},
		{"llmperf", llmPerf},
		{"evalscope", evalScope},
		{"AccelMark", accelMark},
		{"MLPerf LoadGen", loadGen},
		{"llm-d benchmark report", llmD},
		{"InferenceX", inferenceX},
		{"SGLang bench_serving", sgLang},
		{"vLLM bench serve", vLLM},
	}
}

// tools lists the tools whose files are known.
func tools() []string {
	var out []string
	for _, f := range formats() {
		out = append(out, f.tool)
	}
	return out
}

// ErrUnknown says that files are no result that is known here.
var ErrUnknown = errors.New("no result of a known tool")

// Read is the results that files hold. The error is ErrUnknown, or says which file
// can't be read.
func Read(files []File) ([]compare.Result, error) {
	var docs []document
	var bad []error
	for _, f := range files {
		d, err := parse(f)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		docs = append(docs, d)
	}
	for _, f := range formats() {
		if results := f.read(docs); len(results) > 0 {
			for i := range results {
				if r := &results[i]; r.Requests >= 0 && r.Failed > r.Requests {
					r.Requests, r.Failed = -1, -1 // a file that contradicts itself tells neither
				}
			}
			return results, nil
		}
	}
	if len(bad) > 0 && len(bad) == len(files) {
		return nil, errors.Join(bad...)
	}
	return nil, fmt.Errorf("%w: known are files of tokmeter, %s", ErrUnknown, strings.Join(tools(), ", "))
}

// objects are the JSON objects of documents, each with the name of its file.
func objects(docs []document) []object {
	var out []object
	for _, d := range docs {
		for _, v := range d.values {
			if o, ok := v.(map[string]any); ok {
				out = append(out, object{o, d.name})
			}
		}
	}
	return out
}
