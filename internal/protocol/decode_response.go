package protocol

import (
	"bytes"
	"fmt"
	"strings"
)

// decodeResponse reads an event of the responses API of any shape.
func decodeResponse(data []byte, ev *Event) error {
	top, err := parseObject(data)
	if err != nil {
		return err
	}
	name := top.str("type")
	if kind, ok := deltaKind([]byte(name)); ok && !truthy(top["error"]) {
		text, err := top.text("delta")
		if err != nil {
			return err
		}
		ev.HasChoice, ev.Kind, ev.Text = true, kind, []byte(text)
		if text == "" {
			ev.Kind, ev.Text = Blank, nil
		}
		return nil
	}
	r := top.sub("response")
	switch {
	case name == "response.failed":
		msg := messageOf(r["error"])
		if msg == "" {
			msg = string(bytes.TrimSpace(data))
		}
		ev.Kind, ev.Text = Error, []byte(msg)
	case name == "response.completed" || name == "response.incomplete" || name == "response.cancelled" || name == "response.done":
		endResponse(name, r, ev)
	default:
		if msg, ok := errorIn(top, data); ok {
			ev.Kind, ev.Text = Error, []byte(msg)
		}
	}
	return nil
}

// endResponse reads what a terminal event says of its response r. A status that
// is none of an end makes it an error.
func endResponse(name string, r object, ev *Event) {
	ev.Usage = usageOf(&responseUsage, r.sub("usage"))
	if ev.Usage.Present {
		ev.Kind = UsageOnly
	}
	status := r.str("status")
	if status == "" {
		status = strings.TrimPrefix(name, "response.")
	}
	ev.Finish = r.sub("incomplete_details").str("reason")
	if ev.Finish == "" {
		ev.Finish = status
	}
	msg := messageOf(r["error"])
	if !truthy(r["error"]) {
		msg = ""
	}
	if msg == "" && !GivesUp(status) && !GivesUp(ev.Finish) {
		return
	}
	words := fmt.Sprintf("the response ended with status %q", status)
	if ev.Finish != status {
		words += fmt.Sprintf(" and reason %q", ev.Finish)
	}
	if msg != "" {
		words += ": " + msg
	}
	ev.Kind, ev.Text, ev.Finish = Error, []byte(words), ""
}

// gaveUp are parts of the words by which servers say that they gave a request up:
// engines and gateways have dozens of them, and of the ends of an answer none
// contains one.
var gaveUp = [...]string{
	"abort", "error", "cancel", "fail", "timeout", "timed_out", "deadline", "exception", "exhausted", "overload",
	"insufficient", "unavailable", "interrupt", "preempt", "disconnect", "shutdown", "crash", "killed", "evicted", "engine_dead",
}

// GivesUp reports whether a finish reason or status is that of a request which
// the server gave up, not of an answer's end.
func GivesUp(reason string) bool {
	switch reason {
	case "", "stop", "length":
		return false
	}
	reason = strings.ToLower(reason)
	for _, part := range gaveUp {
		if strings.Contains(reason, part) {
			return true
		}
	}
	return false
}

// deltaKind says what kind of token an event type of the responses API carries.
func deltaKind(name []byte) (Kind, bool) {
	switch string(name) {
	case "response.output_text.delta", "response.refusal.delta":
		return Answer, true
	case "response.reasoning_text.delta", "response.reasoning_summary_text.delta":
		return Reasoning, true
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta",
		"response.mcp_call_arguments.delta", "response.code_interpreter_call_code.delta":
		return Tool, true
	}
	return Ignore, false
}
