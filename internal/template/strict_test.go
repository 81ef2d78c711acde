package template

import "testing"

// TestPythonsNumbers: a tokenizer_config.json that Python wrote may have numbers
// that JSON lacks; words in texts are left as they are.
func TestPythonsNumbers(t *testing.T) {
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{`{"model_max_length": Infinity, "chat_template": "NaN Infinity", "eos_token": "-Infinity"}`, true},
		{`{"model_max_length": -Infinity, "chat_template": "NaN Infinity", "eos_token": "-Infinity", "x": [NaN]}`, true},
		{`{"model_max_length": nan}`, false},
		{`{"model_max_length": Infinit}`, false},
	} {
		c, err := parseConfig([]byte(tt.text))
		if (err == nil) != tt.ok {
			t.Errorf("%s: error %v", tt.text, err)
		}
		if tt.ok && (c.templates["default"] != "NaN Infinity" && c.templates[""] != "NaN Infinity" || c.special["eos_token"] != "-Infinity") {
			t.Errorf("%s: got %+v", tt.text, c)
		}
	}
}
