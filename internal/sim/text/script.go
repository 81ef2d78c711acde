package text

// A Script is a text that an answer says in place of prose, token by token.
type Script struct {
	tokens []Token
	calls  []call
	reason string
}

// A call is where in the script's text a tool call stands.
type call struct {
	id, name string
	ready    int // the name is known after so many bytes
	from, to int // the arguments
}

// newScript makes a script of text in v's tokens.
func newScript(v *Voice, text string) *Script {
	s := &Script{reason: "stop"}
	ids := v.tok.Encode(text, false)
	texts := v.Texts(ids, false)
	n := 0
	for i, id := range ids {
		s.tokens = append(s.tokens, Token{ID: id, Text: texts[i]})
		n += len(texts[i])
	}
	if n == len(text) && joined(s.tokens, text) {
		return s
	}
	// A tokenizer that does not give the text back: its tokens share it out.
	for i := range s.tokens {
		from, to := len(text)*i/len(s.tokens), len(text)*(i+1)/len(s.tokens)
		s.tokens[i].Text = text[ceilRune(text, from):ceilRune(text, to)]
	}
	if len(s.tokens) == 0 {
		s.tokens = []Token{{ID: v.blank.ID, Text: text}}
	}
	return s
}

func joined(tokens []Token, text string) bool {
	for _, t := range tokens {
		if len(text) < len(t.Text) || text[:len(t.Text)] != t.Text {
			return false
		}
		text = text[len(t.Text):]
	}
	return text == ""
}

// ceilRune moves i up to the beginning of a character.
func ceilRune(s string, i int) int {
	for i < len(s) && s[i]&0xC0 == 0x80 {
		i++
	}
	return i
}

// FinishReason is what vLLM's chat API reports for a whole answer: tool_calls
// or stop.
func (s *Script) FinishReason() string { return s.reason }

// Tokens is how many tokens the script has, without an end of sequence.
func (s *Script) Tokens() int { return len(s.tokens) }
