package protocol

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"tokmeter/internal/excerpt"
)

// maxErrorText is the most bytes of a message that ErrorText returns.
const maxErrorText = 500

func (completions) ErrorText(body []byte) string { return errorText(body) }
func (chat) ErrorText(body []byte) string        { return errorText(body) }
func (responses) ErrorText(body []byte) string   { return errorText(body) }

func errorText(body []byte) string {
	body = bytes.TrimSpace(body)
	msg := ""
	if len(body) > 0 {
		switch body[0] {
		case '{':
			var o object
			if json.Unmarshal(body, &o) == nil {
				var ok bool
				if msg, ok = errorIn(o, body); !ok {
					msg = o.str("message")
				}
			}
		case '[':
			var list []json.RawMessage
			if json.Unmarshal(body, &list) == nil && len(list) > 0 {
				return errorText(list[0])
			}
		case '"':
			msg, _ = stringOf(body)
		case '<':
			msg = title(body)
		}
	}
	if strings.TrimSpace(msg) == "" {
		msg = string(body)
	}
	return excerpt.Bytes(excerpt.Squeeze(msg), maxErrorText)
}

// title returns the title of an HTML page, which is what proxies answer with.
func title(page []byte) string {
	_, rest, ok := bytes.Cut(page, []byte("<title>"))
	if !ok {
		return ""
	}
	t, _, ok := bytes.Cut(rest, []byte("</title>"))
	if !ok {
		return ""
	}
	return string(t)
}

// errorIn finds the server's error in a JSON object, which is raw. Servers
// write {"error":{"message":…}}, {"error":"text"}, {"errors":[…]},
// {"object":"error","message":…}, {"type":"error","message":…},
// {"message":…,"code":500}, {"error_code":…,"error_msg":…},
// {"success":false,…}, {"base_resp":{"status_code":…,"status_msg":…}} and
// FastAPI's {"detail":…}. An empty error member beside choices or usage is no
// error.
func errorIn(o object, raw []byte) (string, bool) {
	whole := func(msg string) string {
		if msg == "" {
			return string(bytes.TrimSpace(raw))
		}
		return msg
	}
	if truthy(o["error"]) {
		return whole(messageOf(o["error"])), true
	}
	if o.has("choices") || o.has("usage") {
		return "", false
	}
	message := firstString(o, "message", "msg", "error_msg", "error_message", "status_msg")
	switch {
	case truthy(o["errors"]):
		return whole(firstMessage(o["errors"])), true
	case o.str("object") == "error", o.str("type") == "error":
		return whole(messageOf(o["message"])), true
	case o.has("detail"):
		return whole(detailText(o["detail"])), true
	case message != "" && (isCode(o) || strings.HasSuffix(strings.ToLower(o.str("type")), "error")), string(o["success"]) == "false":
		return whole(message), true
	case isCode(o.sub("base_resp")):
		return whole(o.sub("base_resp").str("status_msg")), true
	case o.has("error") && string(o["error"]) != "false":
		return whole(""), true
	}
	return "", false
}

// isCode reports whether o has the code of an error: a status of 400 or more, or
// a code under a name that only errors have.
func isCode(o object) bool {
	for _, key := range []string{"code", "status", "statusCode", "status_code"} {
		if n, ok := o.count(key); ok && n >= 400 {
			return true
		}
	}
	for _, key := range []string{"error_code", "err_code", "errorCode"} {
		if truthy(o[key]) {
			return true
		}
	}
	return GivesUp(o.str("status"))
}

func firstString(o object, keys ...string) string {
	for _, key := range keys {
		if s := o.str(key); s != "" {
			return s
		}
	}
	return ""
}

// firstMessage is messageOf of a value, or of the first of a list of them.
func firstMessage(raw json.RawMessage) string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		raw = list[0]
	}
	return messageOf(raw)
}

// truthy reports whether Python would take the value for true.
func truthy(raw json.RawMessage) bool {
	if isNull(raw) {
		return false
	}
	switch raw[0] {
	case 'f':
		return false
	case '"':
		return len(raw) > 2
	case '{', '[':
		return len(bytes.TrimSpace(raw[1:len(raw)-1])) > 0
	case 't':
		return true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return err != nil || f != 0
}

// messageOf finds the words in the value of an error member.
func messageOf(raw json.RawMessage) string {
	if isNull(raw) {
		return ""
	}
	if s, ok := stringOf(raw); ok {
		return s
	}
	o := object{"error": raw}.sub("error")
	if s := firstString(o, "message", "msg", "error", "detail"); s != "" {
		return s
	}
	if inner := o["error"]; len(inner) > 0 && inner[0] == '{' {
		return messageOf(inner)
	}
	if s := firstString(o, "type", "code"); s != "" {
		return s
	}
	return string(raw)
}

// detailText reads FastAPI's detail: a string, or a list of what is wrong where.
func detailText(raw json.RawMessage) string {
	var list []object
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return messageOf(raw)
	}
	lines := make([]string, 0, len(list))
	for _, o := range list {
		msg := o.str("msg")
		if msg == "" {
			return string(raw)
		}
		if loc := location(o["loc"]); loc != "" {
			msg = loc + ": " + msg
		}
		lines = append(lines, msg)
	}
	return strings.Join(lines, "; ")
}

// location writes ["body",52] as body.52.
func location(raw json.RawMessage) string {
	var parts []json.RawMessage
	if json.Unmarshal(raw, &parts) != nil {
		return ""
	}
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = strings.Trim(string(p), `"`)
	}
	return strings.Join(words, ".")
}
