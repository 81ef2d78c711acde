package workload

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"
	"unicode/utf8"

	"tokmeter/internal/dataset"
	"tokmeter/internal/protocol"
)

// saved takes the requests of a file that Save wrote, as they are: the first
// NumPrompts of them, or all.
func (b *builder) saved(context.Context) error {
	rs, err := dataset.ReadRequests(b.Data)
	if err != nil {
		return err
	}
	b.set.Timed = true
	r := &b.set.Report
	r.Entries = len(rs)
	if n := b.w.NumPrompts; n > 0 {
		rs = rs[:min(n, len(rs))]
	}
	r.Kept, r.Unused = len(rs), r.Entries-len(rs)
	for _, r := range rs {
		b.set.Items = append(b.set.Items, Item{
			Prompt:    protocol.Prompt{Text: r.Prompt, IDs: r.IDs, Batch: r.Batch},
			PromptLen: r.PromptLen,
			OutputLen: r.OutputLen,
			At:        r.Due,
			Model:     r.Model,
		})
	}
	if b.chat() {
		for i, it := range b.set.Items {
			if it.Prompt.IDs != nil {
				return fmt.Errorf("dataset %s: request %d asks with token ids, backend %s takes text alone (use vllm or openai)", b.Data.Name(), i+1, b.Plan.Target.Backend)
			}
		}
	}
	return nil
}

// Save writes a workload as JSON lines in order of sending: index, prompt (or
// prompt_token_ids), prompt_len, output_len, due_s (seconds from the start, to
// the nanosecond) and, where the request has one of its own, model. The dataset
// "requests" reads it back. due yields one time for each item; nil means 0 for
// all.
func Save(w io.Writer, items []Item, due iter.Seq[time.Duration]) error {
	if due == nil {
		due = func(yield func(time.Duration) bool) {
			for yield(0) {
			}
		}
	}
	next, stop := iter.Pull(due)
	defer stop()
	out := bufio.NewWriterSize(w, 1<<16)
	var line []byte
	for i := range items {
		it := &items[i]
		line = append(line[:0], `{"index": `...)
		line = strconv.AppendInt(line, int64(i), 10)
		switch p := it.Prompt; {
		case p.Messages != nil:
			return fmt.Errorf("saving requests: request %d is a list of messages, which the format cannot hold", i)
		case p.IDs != nil:
			line = append(line, `, "prompt_token_ids": [`...)
			for j, id := range p.IDs {
				if j > 0 {
					line = append(line, ", "...)
				}
				line = strconv.AppendInt(line, int64(id), 10)
			}
			line = append(line, ']')
		case p.Batch != nil:
			line = append(line, `, "prompt": [`...)
			for j, text := range p.Batch {
				if j > 0 {
					line = append(line, ", "...)
				}
				line = appendText(line, text)
			}
			line = append(line, ']')
		default:
			line = appendText(append(line, `, "prompt": `...), p.Text)
		}
		line = strconv.AppendInt(append(line, `, "prompt_len": `...), int64(it.PromptLen), 10)
		line = strconv.AppendInt(append(line, `, "output_len": `...), int64(it.OutputLen), 10)
		at, ok := next()
		if !ok {
			return fmt.Errorf("saving requests: %d due times for %d requests", i, len(items))
		}
		line = appendSeconds(append(line, `, "due_s": `...), at)
		if it.Model != "" {
			line = appendText(append(line, `, "model": `...), it.Model)
		}
		if _, err := out.Write(append(line, '}', '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

// appendText writes a JSON string that reads back as the same text: half of a
// surrogate pair as its escape, other bytes that are no UTF-8 as U+FFFD.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c < 0x20:
			dst = fmt.Appendf(dst, `\u%04x`, c)
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(s[i:])
			if half, ok := dataset.Half(s[i:]); ok {
				dst = fmt.Appendf(dst, `\u%04x`, half)
				n = 3
			} else {
				dst = utf8.AppendRune(dst, r)
			}
			i += n
			continue
		default:
			dst = append(dst, c)
		}
		i++
	}
	return append(dst, '"')
}

// appendSeconds writes d as decimal seconds, exactly.
func appendSeconds(dst []byte, d time.Duration) []byte {
	if d < 0 {
		dst = append(dst, '-')
		d = -d
	}
	dst = strconv.AppendInt(dst, int64(d/time.Second), 10)
	part := d % time.Second
	if part == 0 {
		return append(dst, ".0"...)
	}
	dst = append(dst, '.')
	for unit := time.Second / 10; part > 0; unit /= 10 {
		dst = append(dst, byte('0'+part/unit))
		part %= unit
	}
	return dst
}
