// Package report writes what a run came to: the text block, the result file
// and the PyTorch records; and what an experiment came to: the precision table
// as text, Markdown, CSV, JSON and HTML.
//
// It promises vLLM's labels, widths, order, keys and types, so that whatever
// reads the output of `vllm bench serve` reads this too, and it adds what vLLM
// does not tell after or behind that. It never computes a number: each comes
// from a result.Result, metrics.View or compare.Table. A write that fails is an
// error, and a result file is either whole or not there.
package report
