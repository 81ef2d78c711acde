package text

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"tokmeter/internal/tokenize"
)

// TestGrammars: what is made of a grammar is a text of it; the pattern beside
// each grammar says the same by other means.
func TestGrammars(t *testing.T) {
	for _, row := range []struct{ why, grammar, want string }{
		{"a literal", `root ::= "yes"`, `^yes$`},
		{"vLLM's own example", "root ::= select_statement\n\nselect_statement ::= \"SELECT \" column \" from \" table \" where \" condition\n\ncolumn ::= \"col_1 \" | \"col_2 \"\n\ntable ::= \"table_1 \" | \"table_2 \"\n\ncondition ::= column \"= \" number\n\nnumber ::= \"1 \" | \"2 \"\n",
			`^SELECT col_[12]  from table_[12]  where col_[12] = [12] $`},
		{"vLLM's example in Lark", "?start: select_statement\n?select_statement: \"SELECT \" column \" from \" table\n?column: \"col_1\" | \"col_2\"\n?table: \"table_1\" | \"table_2\"\n", `^SELECT col_[12] from table_[12]$`},
		{"quantifiers", `root ::= "a"? "b"* "c"+ "d"{2} "e"{1,2} "f"{2,}`, `^a?b*c+d{2}e{1,2}f{2,}$`},
		{"classes", `root ::= [a-c] [^\x00-\x60\x7b-\U0010ffff] [0-9]{3} [\u0041\]] .`, `^[a-c][a-z]\d{3}[A\]].$`},
		{"groups and rules over lines", "root ::= (\"a\" | # one\n  \"b\") next\nnext ::= \"!\"", `^[ab]!$`},
		{"escapes", `root ::= "\"\n\\" '\''`, "^\"\n\\\\'$"},
		{"a way back that must end", "root ::= expr\nexpr ::= \"1\" | \"(\" expr \"+\" expr \")\"", `^[1()+]+$`},
		{"an empty alternative", `root ::= "a" root | `, `^a*$`},
		{"names with hyphens", "root ::= my-rule\nmy-rule ::= \"x\"", `^x$`},
		{"Lark: terminals, options, times", "start: GREETING [\" big\"] \" \" NAME \"!\"~2 /\\d{2}/ -> greeting\nGREETING.2: \"hi\"i | \"hello\"\nNAME: /[a-z]{3}/\n", `^(hi|hello)( big)? [a-z]{3}!!\d{2}$`},
		{"Lark: imports and comments", "// a sum\nstart: INT \"+\" num\nnum: SIGNED_NUMBER\n%import common.INT\n%import common (SIGNED_NUMBER, WS)\n%ignore WS\n", `^\d+\+-?\d+(\.\d+)?$`},
		{"Lark: an import by another name", "start: N\n%import common.DIGIT -> N\n", `^\d$`},
	} {
		g, err := newGrammar(row.grammar)
		if err != nil {
			t.Errorf("%s: %v", row.why, err)
			continue
		}
		want := regexp.MustCompile(row.want)
		for seed := range uint64(100) {
			got, err := g.make(rand.New(rand.NewPCG(seed, 1)))
			if err != nil || !want.MatchString(got) {
				t.Fatalf("%s: got %q, %v, want %s", row.why, got, err, row.want)
			}
		}
	}
}

func TestGrammarRefused(t *testing.T) {
	deep := strings.Repeat("(", 200)
	for _, row := range []struct{ why, grammar, want string }{
		{"nothing", "", "no rule"},
		{"no rule to begin with", `other ::= "a"`, `no rule "root"`},
		{"a rule that is not there", `root ::= other`, `the rule "other" is not there`},
		{"no end", "root ::= \"a\" root", "goes on without end"},
		{"no end by two rules", "root ::= a\na ::= root", "goes on without end"},
		{"an open bracket", `root ::= ("a"`, "without its )"},
		{"an open text", `root ::= "a`, "has no end"},
		{"an open class", `root ::= [a`, "has no ]"},
		{"a sign without meaning", `root ::= "a" $`, "not understood"},
		{"no rule", "root ::= \"a\"\n) x", "line 2: want a rule"},
		{"brackets without end", "root ::= " + deep, "nested deeper"},
		{"too long", `root ::= "` + strings.Repeat("a", maxGrammar) + `"`, "too long"},
		{"times that shrink", `root ::= "a"{3,2}`, "no number of times"},
	} {
		if _, err := newGrammar(row.grammar); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", row.why, err, row.want)
		}
	}
	g, err := newGrammar("root ::= a{1000}\na ::= b{1000}\nb ::= \"x\"{1000}")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := g.make(rand.New(rand.NewPCG(1, 1))); err == nil {
		t.Errorf("a thousand million characters: got %d of them", len(text))
	}
}

// TestTags: a structural tag is said with its ends and what is between them.
func TestTags(t *testing.T) {
	v := NewVoice(tokenize.Builtin())
	schema := `{"type":"object","properties":{"city":{"const":"Rome"}},"required":["city"],"additionalProperties":false}`
	for _, row := range []struct{ why, tag, want string }{
		{"the first form", `{"type":"structural_tag","structures":[{"begin":"<f>","schema":` + schema + `,"end":"</f>"}],"triggers":["<f"]}`, `^<f>\{"city": "Rome"\}</f>$`},
		{"triggered tags", `{"type":"structural_tag","format":{"type":"triggered_tags","triggers":["<"],"tags":[{"begin":"<g>","content":{"type":"json_schema","json_schema":` + schema + `},"end":["</g>"]}]}}`, `^<g>\{"city": "Rome"\}</g>$`},
		{"a sequence", `{"type":"structural_tag","format":{"type":"sequence","elements":[{"type":"const_string","value":"a: "},{"type":"or","elements":[{"type":"regex","pattern":"[0-9]{2}"},{"type":"any_text"}]}]}}`, `^a: (\d\d|[a-z ]+)$`},
	} {
		text := []byte(fmt.Sprintf("%q", row.tag))
		for where, wish := range map[string]Wish{
			"response_format":            {ResponseFormat: []byte(row.tag)},
			"structured_outputs":         {StructuredOutputs: []byte(`{"structural_tag":` + row.tag + `}`)},
			"structured_outputs as text": {StructuredOutputs: []byte(`{"structural_tag":` + string(text) + `}`)},
		} {
			f, err := wish.Form()
			if err != nil {
				t.Errorf("%s in %s: %v", row.why, where, err)
				continue
			}
			s, err := f.Script(v, 1, 2, 0, 0)
			if err != nil {
				t.Errorf("%s in %s: %v", row.why, where, err)
				continue
			}
			var got strings.Builder
			for _, token := range s.tokens {
				got.WriteString(token.Text)
			}
			if !regexp.MustCompile(row.want).MatchString(got.String()) {
				t.Errorf("%s in %s: got %q, want %s", row.why, where, got.String(), row.want)
			}
		}
	}
	for _, bad := range []string{`{"type":"structural_tag"}`, `{"type":"structural_tag","format":{"type":"what"}}`, `{"type":"structural_tag","format":{"type":"tag","begin":"a"}}`, `{"type":"structural_tag","format":{"type":"sequence"}}`} {
		if _, err := (Wish{ResponseFormat: []byte(bad)}).Form(); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// FuzzGrammar: whatever is sent as a grammar is read or refused, and what is
// made of it has an end.
func FuzzGrammar(f *testing.F) {
	f.Add("root ::= \"a\" | [b-c]* (root)?{1,2}")
	f.Add("?start: A~1..3 [\"x\"i] /y+/s -> z\n%import common.INT -> A\n")
	f.Fuzz(func(t *testing.T, s string) {
		g, err := newGrammar(s)
		if err != nil {
			return
		}
		if text, err := g.make(rand.New(rand.NewPCG(1, 2))); err == nil && len(text) > maxText+maxGrammar {
			t.Errorf("a text of %d bytes", len(text))
		}
	})
}
