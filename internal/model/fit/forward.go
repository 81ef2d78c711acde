package fit

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// A Batch is a step whose kernels were timed without a server.
type Batch struct {
	Case     string // as vllm bench forward has it: decode=32*1@8192
	Seqs     []roofline.Seq
	MedianUs float64
}

// mostSeqs and mostTokens bound what a case may ask for.
const (
	mostSeqs   = 1 << 14
	mostTokens = 1 << 24
)

// group is N*TOKENS@CONTEXT:DRAFTS, of which only TOKENS must be there.
var group = regexp.MustCompile(`^(?:(\d{1,8})\*)?(\d{1,8})(?:@(\d{1,8}))?(?::\d{1,8})?$`)

// ReadForward reads what vllm bench forward writes: a list of cases with the
// median of their times in microseconds. A case is NAME=GROUP,…, each group
// N*TOKENS@CONTEXT.
func ReadForward(raw []byte) ([]Batch, error) {
	var rows []struct {
		Case     string  `json:"case"`
		MedianUs float64 `json:"median_us"`
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("want the list of cases that vllm bench forward writes: %w", err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no case in it: want the list that vllm bench forward writes")
	}
	var out []Batch
	for _, r := range rows {
		if !(r.MedianUs > 0) {
			return nil, fmt.Errorf("case %q: median_us is %v: want more than 0", r.Case, r.MedianUs)
		}
		_, groups, _ := strings.Cut(r.Case, "=")
		b := Batch{Case: r.Case, MedianUs: r.MedianUs}
		for _, text := range strings.Split(groups, ",") {
			m := group.FindStringSubmatch(text)
			if m == nil {
				return nil, fmt.Errorf("case %q: want NAME=N*TOKENS@CONTEXT, such as decode=32*1@8192", r.Case)
			}
			n, _ := strconv.Atoi(m[1])
			s := roofline.Seq{Samples: true}
			s.Tokens, _ = strconv.Atoi(m[2])
			s.Context, _ = strconv.Atoi(m[3])
			if n = max(n, 1); n+len(b.Seqs) > mostSeqs || s.Tokens < 1 || s.Tokens > mostTokens || s.Context > mostTokens {
				return nil, fmt.Errorf("case %q: want 1 to %d sequences of 1 to %d tokens", r.Case, mostSeqs, mostTokens)
			}
			for range n {
				b.Seqs = append(b.Seqs, s)
			}
		}
		out = append(out, b)
	}
	return out, nil
}

// forward gives the time of each batch's kernels, by case, in microseconds.
func (s *Sample) forward(b *setup.Built) Metrics {
	m := Metrics{}
	for _, x := range s.Batches {
		m[x.Case] = b.Machine.Step(x.Seqs).GPU * 1e6
	}
	return m
}
