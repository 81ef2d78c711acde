package record

// unknownBytes is the most tokens of an answer whose bytes are not known: more
// than any context holds.
const unknownBytes = 1 << 24

// MostOutput is the highest number of output tokens that the answer can have
// had: as many as were asked for, or one for each byte of it. A larger count is
// no count, whoever says so. seen is the bytes of the answer as they were before
// compression, 0 where that is not known.
func (r *Record) MostOutput(seen int64) int {
	text := int64(len(r.Text))
	for _, b := range r.Beside {
		text += int64(len(b))
	}
	most := max(seen, r.BytesIn, text)
	if most == 0 {
		most = unknownBytes
	}
	return int(max(most, int64(r.WantOutput), int64(len(r.Events))))
}

// promptSlack is what a chat template, tools and pictures behind an address may
// add to a prompt, in tokens.
const promptSlack = 1 << 20

// MostPrompt is the highest number of tokens that the prompt can have had, by
// the bytes that were sent.
func (r *Record) MostPrompt() int {
	return int(max(r.BytesOut, int64(r.WantPrompt))) + promptSlack
}

// refuse takes counts that can't be out of a record from a file: sums of them
// overflow, and what is made for each token fills the memory.
func (r *Record) refuse() {
	if n := r.OutputTokens.N; n < 0 || n > r.MostOutput(0) {
		r.Refused = n
		r.OutputTokens = Count{N: len(r.Events), From: FromEvents}
	}
	sum := 0
	for _, n := range r.PerEvent {
		sum += int(n)
	}
	if sum > r.MostOutput(0) {
		r.PerEvent = nil
	}
	if n := r.PromptTokens.N; n < 0 || n > r.MostPrompt() {
		r.Refused = n
		r.PromptTokens = Count{N: r.WantPrompt, From: FromAsked}
	}
	if n := r.CachedTokens; n < 0 || n > r.PromptTokens.N {
		r.CachedTokens = 0
	}
}
