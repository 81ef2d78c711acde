package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// A tokenList is the answer of /tokenize.
type tokenList struct {
	Count       int      `json:"count"`
	MaxModelLen int      `json:"max_model_len"`
	Tokens      []int    `json:"tokens"`
	Strings     []string `json:"token_strs"`
}

// known checks the model that a request for tokens names, which vLLM does in
// other words than for text.
func (s *Server) known(name string) *apiError {
	_, fail := s.models.find(name)
	if fail == nil {
		return nil
	}
	s.models.mu.Lock()
	defer s.models.mu.Unlock()
	valid := append([]string(nil), s.models.names...)
	for _, a := range s.models.adapters {
		valid = append(valid, a.Name)
	}
	fail.message += " Valid aliases: " + strings.Join(valid, ", ") + "."
	return fail
}

// tokenize answers POST /tokenize, for a text or the messages of a chat.
func (s *Server) tokenize(c *call) bool {
	f, fail := newForm(c, 2)
	if fail != nil {
		return c.replyError(fail)
	}
	chat := f.has("messages") && !f.has("prompt")
	model := f.optional("model")
	strs := f.flag("return_token_strs", false)
	var text string
	var special bool
	if chat {
		special = f.flag("add_special_tokens", false)
		text, fail = s.formChat(f, true)
	} else {
		special = f.flag("add_special_tokens", true)
		text = f.text("prompt")
		if len(f.problems) > 0 {
			f.missing("messages")
		}
	}
	switch {
	case len(f.problems) > 0:
		return c.replyError(f.err())
	case fail != nil:
		return c.replyError(fail)
	}
	if fail := s.known(model); fail != nil {
		return c.replyError(fail)
	}
	list := tokenList{MaxModelLen: s.maxLen, Tokens: s.tok.Encode(text, special)}
	list.Count = len(list.Tokens)
	if list.Tokens == nil {
		list.Tokens = []int{}
	}
	if strs {
		list.Strings = make([]string, len(list.Tokens))
		for i, id := range list.Tokens {
			list.Strings[i], _ = s.tok.IDToToken(id)
		}
	}
	return c.reply(http.StatusOK, list)
}

// formChat renders the messages of a form as a prompt; def is whether the
// assistant's turn is begun where the form does not say.
func (s *Server) formChat(f *form, def bool) (string, *apiError) {
	generation := f.flag("add_generation_prompt", def)
	_, asked := f.fields["add_generation_prompt"]
	open := f.flag("continue_final_message", false)
	b := &body{}
	b.Tools = f.fields["tools"]
	ts, err := turns(f.fields["messages"])
	switch {
	case open && asked && generation:
		return "", badRequest("", "Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
	case f.has("chat_template"):
		return "", badRequest("", "Chat template is passed with request, but --trust-request-chat-template is not set. Refused request with untrusted chat template.")
	case err != nil:
		f.add("list_type", "body.messages", err.Error(), shown(f.fields["messages"]), "")
		return "", nil
	case len(ts) == 0:
		return "", badRequest("", "Cannot apply chat template to an empty conversation. Provide at least one message.")
	}
	if f.has("chat_template_kwargs") && json.Unmarshal(f.fields["chat_template_kwargs"], &b.Kwargs) != nil {
		f.add("dict_type", "body.chat_template_kwargs", "Input should be a valid dictionary", shown(f.fields["chat_template_kwargs"]), "")
		return "", nil
	}
	text, err := s.conversation(ts, generation && !open, b)
	if err != nil {
		return "", badRequest("", "%v", err)
	}
	if open {
		text, err = leaveOpen(text, ts[len(ts)-1].text)
		if err != nil {
			return "", badRequest("", "%v", err)
		}
	}
	return text, nil
}

// leaveOpen cuts what a template wrote behind the last message.
func leaveOpen(text, message string) (string, error) {
	core := strings.TrimSpace(message)
	at := strings.LastIndex(text, core)
	if at < 0 {
		return "", fmt.Errorf("continue_final_message is set but the final message does not appear in the chat after applying the chat template")
	}
	if kept := strings.TrimLeft(message, " \t\r\n"); strings.HasPrefix(text[at:], kept) {
		core = kept
	}
	return text[:at+len(core)], nil
}

// detokenize answers POST /detokenize.
func (s *Server) detokenize(c *call) bool {
	f, fail := newForm(c, 1)
	if fail != nil {
		return c.replyError(fail)
	}
	model := f.optional("model")
	ids := f.ids("tokens")
	if fail := f.err(); fail != nil {
		return c.replyError(fail)
	}
	if fail := s.known(model); fail != nil {
		return c.replyError(fail)
	}
	return c.reply(http.StatusOK, struct {
		Prompt string `json:"prompt"`
	}{s.tok.Decode(ids, false)})
}

// tokenizerInfo answers GET /tokenizer_info, which vLLM has with
// --enable-tokenizer-info-endpoint: what stands for tokenizer_config.json.
func (s *Server) tokenizerInfo(c *call) bool {
	name := s.opts.TokenizerName
	if name == "" {
		name = "built-in"
	}
	special := []string{}
	for _, id := range s.tok.SpecialIDs() {
		if t, ok := s.tok.IDToToken(id); ok {
			special = append(special, t)
		}
	}
	return c.reply(http.StatusOK, struct {
		Class     string   `json:"tokenizer_class"`
		Name      string   `json:"name_or_path"`
		MaxLength int      `json:"model_max_length"`
		Vocab     int      `json:"vocab_size"`
		Special   []string `json:"all_special_tokens"`
		Template  bool     `json:"has_chat_template"`
		Simulated bool     `json:"simulated"`
	}{"PreTrainedTokenizerFast", name, s.maxLen, s.tok.VocabSize(), special, s.opts.Template != nil, true})
}
