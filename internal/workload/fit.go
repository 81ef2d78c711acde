package workload

// maxTries is how often vLLM's client corrects the length of a prompt.
const maxTries = 10

// A fit brings token ids to a form that survives decoding and encoding with a
// wanted number of tokens: decode, encode, cut what is too much, add random
// tokens where some are missing, and again, ten times at most.
type fit struct {
	ids    []int
	text   string // ids decoded, before the last encoding
	target int
	tries  int
	need   int // random tokens that are missing; 0 when the fit is done
	size   int // tokens of text, when the fit is done
	off    int // tokens too many (or, below 0, too few) when the tries ran out
}

// run goes on until the fit is done or random tokens are needed.
func (f *fit) run(t Tokenizer) {
	for {
		f.text = t.Decode(f.ids, false)
		f.ids = t.Encode(f.text, false)
		f.size = len(f.ids)
		switch n := f.size; {
		case f.tries >= maxTries:
			f.off = n - f.target
			return
		case n == f.target:
			return
		case n < f.target:
			f.need = f.target - n
			return
		default:
			f.ids = f.ids[:f.target]
		}
		f.tries++
	}
}

// runFrom goes on until the fit is done, with random tokens from tape t, and
// returns how many it took. f itself is left as it is, so that another attempt
// can begin at another place.
func (f fit) runFrom(t Tokenizer, draws *tape, from int) (fit, int) {
	at := from
	f.ids = append([]int(nil), f.ids...)
	for f.need > 0 {
		f.ids = draws.read(f.ids, at, f.need)
		at += f.need
		f.need = 0
		f.tries++
		f.run(t)
	}
	return f, at - from
}
