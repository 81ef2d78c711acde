package engine

import (
	"regexp"
	"strconv"
	"strings"
)

// A Stage says what an engine does until it is ready, as its log tells.
type Stage string

// The stages, in their usual order.
const (
	Starting    Stage = "starting"
	Downloading Stage = "downloading"
	Loading     Stage = "loading weights"
	Compiling   Stage = "compiling"
	Capturing   Stage = "capturing graphs"
	Warming     Stage = "warming up"
	Serving     Stage = "serving"
)

type stageRule struct {
	has   string
	stage Stage
}

// stageRules is in the order of trial: the more particular text first.
func stageRules() []stageRule {
	return []stageRule{
		{"Application startup complete", Serving},
		{"ready to roll", Serving},
		{"server is listening on", Serving},
		{"listening on http", Serving},
		{"HTTP server listening", Serving},
		{"Capturing CUDA graph", Capturing},
		{"Capture cuda graph", Capturing},
		{"Capturing batches", Capturing},
		{"Capturing the model for CUDA graphs", Capturing},
		{"Graph capturing finished", Warming},
		{"torch.compile takes", Warming},
		{"Dynamo bytecode transform", Compiling},
		{"Start compiling", Compiling},
		{"Compiling a graph", Compiling},
		{"Autotuning process starts", Compiling},
		{"warming up the model", Warming},
		{"Warming up", Warming},
		{"init engine (profile", Warming},
		{"Fetching ", Downloading},
		{"Downloading", Downloading},
		{"Time spent downloading weights", Loading},
		{"Loading safetensors", Loading},
		{"Loading pt checkpoint", Loading},
		{"checkpoint shards", Loading},
		{"Loading model from scratch", Loading},
		{"Starting to load model", Loading},
		{"Load weight begin", Loading},
		{"loading model tensors", Loading},
		{"load_model: loading model", Loading},
		{"Loading Model:", Loading},
		{"Loading weights", Loading},
	}
}

var percentRE = regexp.MustCompile(`(\d{1,3})%(?: Completed|\||)`)

// stageOf tells the stage that a line of a log shows, with the percentage done
// or -1; ok is false for a line that shows none.
func stageOf(line string) (s Stage, percent float64, ok bool) {
	for _, r := range stageRules() {
		if !strings.Contains(line, r.has) {
			continue
		}
		percent = -1
		if m := percentRE.FindStringSubmatch(line); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil && n <= 100 {
				percent = float64(n)
			}
		}
		return r.stage, percent, true
	}
	return "", -1, false
}

// prefixes are what the engines put before a message: process, level, time,
// place.
var prefixes = []*regexp.Regexp{
	regexp.MustCompile(`^(?:\([\w .-]+?(?: pid=\d+)?(?:, ip=[\d.]+)?\) )+`),
	regexp.MustCompile(`^(?:INFO|WARNING|ERROR|DEBUG|CRITICAL)(?:  ?|:\s+)(?:\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? )?(?:\[?[\w./]+\.py:\d+\]\s?)?`),
	regexp.MustCompile(`^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[ \w,]*)\] `),
	regexp.MustCompile(`^(?:\[[\d/]+-[\d:]+\] )?\[(?:TensorRT-LLM|TRT-LLM)\]\s?\[\w+\] `),
	regexp.MustCompile(`^\d+\.\d\d\.\d{3}\.\d{3} [A-Z] `),
}

// Bare is a line without what an engine puts before its messages.
func Bare(line string) string {
	out := line
	for _, p := range prefixes {
		out = p.ReplaceAllString(out, "")
	}
	if out = strings.TrimSpace(out); out == "" {
		return strings.TrimSpace(line)
	}
	return out
}
