package control

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/prompt"
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
func (s *Control) known(name string) *call.Error {
	_, fail := s.in.Roster.Find(name)
	if fail == nil {
		return nil
	}
	valid, adapters := s.in.Roster.All()
	for _, a := range adapters {
		valid = append(valid, a.Name)
	}
	fail.Message += " Valid aliases: " + strings.Join(valid, ", ") + "."
	return fail
}

// tokenize answers POST /tokenize, for a text or the messages of a chat.
func (s *Control) tokenize(c *call.Call) bool {
	f, fail := call.NewForm(c, 2)
	if fail != nil {
		return c.ReplyError(fail)
	}
	chat := f.Has("messages") && !f.Has("prompt")
	model := f.Optional("model")
	strs := f.Flag("return_token_strs", false)
	var text string
	var special bool
	if chat {
		special = f.Flag("add_special_tokens", false)
		text, fail = s.formChat(f, true)
	} else {
		special = f.Flag("add_special_tokens", true)
		text = f.Text("prompt")
		if f.Err() != nil {
			f.Missing("messages")
		}
	}
	switch {
	case f.Err() != nil:
		return c.ReplyError(f.Err())
	case fail != nil:
		return c.ReplyError(fail)
	}
	if fail := s.known(model); fail != nil {
		return c.ReplyError(fail)
	}
	list := tokenList{MaxModelLen: s.in.MaxLen, Tokens: s.in.Tokenizer.Encode(text, special)}
	list.Count = len(list.Tokens)
	if list.Tokens == nil {
		list.Tokens = []int{}
	}
	if strs {
		list.Strings = make([]string, len(list.Tokens))
		for i, id := range list.Tokens {
			list.Strings[i], _ = s.in.Tokenizer.IDToToken(id)
		}
	}
	return c.Reply(http.StatusOK, list)
}

// formChat renders the messages of a form as a prompt; def is whether the
// assistant's turn is begun where the form does not say.
func (s *Control) formChat(f *call.Form, def bool) (string, *call.Error) {
	generation := f.Flag("add_generation_prompt", def)
	_, asked := f.Fields["add_generation_prompt"]
	open := f.Flag("continue_final_message", false)
	ask := prompt.Ask{Tools: f.Fields["tools"]}
	ts, err := prompt.ReadTurns(f.Fields["messages"])
	switch {
	case open && asked && generation:
		return "", call.BadRequest("", "Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
	case f.Has("chat_template"):
		return "", call.BadRequest("", "Chat template is passed with request, but --trust-request-chat-template is not set. Refused request with untrusted chat template.")
	case err != nil:
		f.Add("list_type", "body.messages", err.Error(), call.Shown(f.Fields["messages"]), "")
		return "", nil
	case len(ts) == 0:
		return "", call.BadRequest("", "Cannot apply chat template to an empty conversation. Provide at least one message.")
	}
	if f.Has("chat_template_kwargs") && json.Unmarshal(f.Fields["chat_template_kwargs"], &ask.Kwargs) != nil {
		f.Add("dict_type", "body.chat_template_kwargs", "Input should be a valid dictionary", call.Shown(f.Fields["chat_template_kwargs"]), "")
		return "", nil
	}
	ask.Generation = generation && !open
	text, err := prompt.Render(s.in.Options.Template, ts, ask)
	if err != nil {
		return "", call.BadRequest("", "%v", err)
	}
	if open {
		text, err = leaveOpen(text, ts[len(ts)-1].Text)
		if err != nil {
			return "", call.BadRequest("", "%v", err)
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
func (s *Control) detokenize(c *call.Call) bool {
	f, fail := call.NewForm(c, 1)
	if fail != nil {
		return c.ReplyError(fail)
	}
	model := f.Optional("model")
	ids := f.IDs("tokens")
	if fail := f.Err(); fail != nil {
		return c.ReplyError(fail)
	}
	if fail := s.known(model); fail != nil {
		return c.ReplyError(fail)
	}
	return c.Reply(http.StatusOK, struct {
		Prompt string `json:"prompt"`
	}{s.in.Tokenizer.Decode(ids, false)})
}

// tokenizerInfo answers GET /tokenizer_info, which vLLM has with
// --enable-tokenizer-info-endpoint: what stands for tokenizer_config.json.
func (s *Control) tokenizerInfo(c *call.Call) bool {
	name := s.in.Options.TokenizerName
	if name == "" {
		name = "built-in"
	}
	special := []string{}
	for _, id := range s.in.Tokenizer.SpecialIDs() {
		if t, ok := s.in.Tokenizer.IDToToken(id); ok {
			special = append(special, t)
		}
	}
	return c.Reply(http.StatusOK, struct {
		Class     string   `json:"tokenizer_class"`
		Name      string   `json:"name_or_path"`
		MaxLength int      `json:"model_max_length"`
		Vocab     int      `json:"vocab_size"`
		Special   []string `json:"all_special_tokens"`
		Template  bool     `json:"has_chat_template"`
		Simulated bool     `json:"simulated"`
	}{"PreTrainedTokenizerFast", name, s.in.MaxLen, s.in.Tokenizer.VocabSize(), special, s.in.Options.Template != nil, true})
}
