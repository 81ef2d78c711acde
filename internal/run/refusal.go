package run

import (
	"encoding/json"
	"regexp"
	"strings"

	"tokmeter/internal/protocol"
)

// A refusal is why a server did not give the first token of a model that it does
// not list, as its answer tells: by a code, a type, a parameter or in words.
type refusal struct {
	codes []string // code and type
	param string
	words string
}

// readRefusal reads the words that a request failed with, in which the server's
// own follow the status. They may be cut.
func readRefusal(words string) refusal {
	_, own, ok := strings.Cut(words, ": ")
	if !ok || !strings.HasPrefix(words, "HTTP ") {
		own = words
	}
	r := refusal{words: strings.ReplaceAll(own, "invalid_request_error", "")} // OpenAI's type of nearly every refusal
	at := strings.IndexByte(own, '{')
	if at < 0 {
		return r
	}
	var body struct {
		Error  json.RawMessage
		Detail json.RawMessage
		Code   any
		Type   any
		Param  any
	}
	if json.NewDecoder(strings.NewReader(own[at:])).Decode(&body) != nil {
		return r
	}
	if d, err := protocol.New("openai-chat"); err == nil {
		r.words = d.ErrorText([]byte(own[at:]))
	}
	r.take(body.Code, body.Type, body.Param)
	var inner struct{ Code, Type, Param, Status any }
	if json.Unmarshal(body.Error, &inner) == nil {
		r.take(inner.Code, inner.Type, inner.Param)
	}
	var fields []struct {
		Loc []any
		Msg string
	}
	if json.Unmarshal(body.Detail, &fields) == nil {
		for _, f := range fields {
			if n := len(f.Loc); n > 0 && r.param == "" {
				r.param, _ = f.Loc[n-1].(string)
			}
		}
	}
	return r
}

func (r *refusal) take(code, kind, param any) {
	for _, v := range []any{code, kind} {
		if s, ok := v.(string); ok && s != "" {
			r.codes = append(r.codes, s)
		}
	}
	if s, ok := param.(string); ok && s != "" {
		r.param = s
	}
}

var (
	letters = regexp.MustCompile(`[^a-z]+`)
	// noModelCode is a code such as model_not_found or DeploymentNotFound, without
	// what is no letter.
	noModelCode = regexp.MustCompile(`(model|deployment|engine)(name|id)?(is)?(notfound|doesnotexist|notexists?|nosuch|unknown|unavailable|notavailable|unsupported|notsupported|invalid|notloaded|notdeployed)|(unknown|invalid|nosuch|missing|unsupported|unrecognized)(model|deployment|engine)(name|id|error|exception)?$`)
	// verdicts are what is said of a model that is not there.
	verdicts = `(not found|not be found|unknown|no longer (available|exists)|not exist|n[o']t exist|not (available|supported|served|loaded|deployed|registered|recogni[sz]ed|accessible|a valid)|unavailable|unrecogni[sz]ed|invalid)`
	// Both patterns allow a name between the words, and little else.
	modelFirst   = regexp.MustCompile(`\b(model|deployment|engine)s?('s)?( name| id| identifier)?\s*[:=]?\s*(\S+\s+){0,3}?(\S+\s+)?(is |was |does |do |did |has |could |can |cannot |currently )*` + verdicts)
	verdictFirst = regexp.MustCompile(`\b(no such|unknown|invalid|unrecogni[sz]ed|unsupported|non-?existent|nonexistent|no|(find|locate|load|access)( to)?( the| a| any)?|there is no|not an?|not a valid)( (chat|language|base|deployed|served|available|valid|lora))? (model|deployment|engine)( name| id| identifier)?\b`)
	// otherMatter is what a refusal speaks of that is about the request and not the
	// model's name.
	otherMatter = regexp.MustCompile(`max_(completion_|output_)?tokens|max_new_tokens|min_tokens|\btokens?\b|minimum|at least|greater than|too (small|short|low)|parameter|temperature|stream|context|field required`)
	chinese     = regexp.MustCompile(`模型.{0,40}(不存在|未找到|找不到|不支持|无可用|无效)|(不存在|未找到|找不到|无效).{0,12}模型`)
)

// noSuchModel reports whether the answer says that there is no model of this
// name: by its code or type, its parameter, or words that say so. An answer about
// something else, such as a least number of tokens, says nothing of it.
func (r refusal) noSuchModel(name string) bool {
	for _, c := range r.codes {
		if noModelCode.MatchString(letters.ReplaceAllString(strings.ToLower(c), "")) {
			return true
		}
	}
	low := strings.ToLower(r.words)
	if r.param != "" {
		switch p := strings.ToLower(r.param); {
		case p == "model" || p == "model_name" || p == "model_id":
			return !otherMatter.MatchString(strings.ReplaceAll(low, strings.ToLower(name), ""))
		case otherMatter.MatchString(p):
			return false
		}
	}
	if chinese.MatchString(low) {
		return true
	}
	plain := strings.NewReplacer("`", "", "'", "", `\"`, "", `"`, "", "_", " ").Replace(low)
	if otherMatter.MatchString(strings.ReplaceAll(low, strings.ToLower(name), "")) && !strings.Contains(low, "no such model") && !strings.Contains(low, "model not found") {
		return false
	}
	if modelFirst.MatchString(plain) || verdictFirst.MatchString(plain) {
		return true
	}
	bare := strings.NewReplacer("`", "", "'", "", `\"`, "", `"`, "", "_", " ").Replace(strings.ToLower(name))
	return bare != "" && strings.Contains(plain, bare) && regexp.MustCompile(verdicts+`|no endpoints found|no such|provider not provided`).MatchString(plain)
}
