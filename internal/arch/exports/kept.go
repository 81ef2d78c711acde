package exports

import "strings"

// kept are names without a user in the program that stay exported, by folder.
func kept() map[string]bool {
	out := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(keptNames), "\n") {
		words := strings.Fields(line)
		for _, name := range words[1:] {
			out["internal/"+words[0]+" "+name] = true
		}
	}
	return out
}

// keptNames has a folder and its names a line. They are kept for the tests of
// other packages, which hold one room against another (casefile, dataset, record,
// report, result, model/fit, tokenize, python/random), for their own external
// tests and examples (stats, precision/page), or as methods
// beside others that are used (engine, model/light, sim).
const keptNames = `
casefile Read Run
cli/argv ConfigOption
dataset NewInput Sample
engine Bare Marker Nothing PID Plain
memory Look
metrics FindingDefinitions Speculate
model/fit Fit Read Search Simulate Speedups Summarize Write
model/light Balance Fits Ideal Network New
model/roofline KnownOf Overhead
model/sched Lookahead
plan Datasets
precision/drift Ask Hash Read Write
precision/page CSV HTML JSON Markdown Version
python/random Permutation StandardExponential StandardNormal
record Memory PassOf Read Recount
report FileName
result Definitions
sim Truth
sim/exposition Label
sim/text Make Texts
stats AlikeAt BlockLength DifferenceOf EarlyEstimate MeanOf Percentile RatioOf Std Sum
tokenize Parse
`
