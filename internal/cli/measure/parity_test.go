package measure

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/cli/flags"
)

// A vllmFlag is one flag of vLLM 0.32.0's own parser, as the parser describes
// itself.
type vllmFlag struct {
	Names   []string
	Group   string
	Type    string
	Default any
	Choices []string
	Nargs   any
	Action  string
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// ourKind is the kind that a flag of vLLM's should have here.
func (f vllmFlag) ourKind() string {
	switch {
	case f.Action == "BooleanOptionalAction":
		return "toggleNo"
	case f.Action == "_StoreTrueAction":
		return "toggle"
	case f.Nargs == "*":
		return "words"
	case f.Nargs == "+":
		return "words1"
	}
	switch f.Type {
	case "int":
		return "integer"
	case "float":
		return "number"
	case "loads":
		return "object"
	}
	return "text"
}

func kindName(k flags.Kind) string {
	switch k {
	case flags.Toggle:
		return "toggle"
	case flags.ToggleNo:
		return "toggleNo"
	case flags.Integer:
		return "integer"
	case flags.Number:
		return "number"
	case flags.Object:
		return "object"
	case flags.Words:
		return "words"
	case flags.Words1:
		return "words1"
	}
	return "text"
}

// TestFlagsOfVLLM compares the table with what vLLM's parser says of itself:
// every flag is there, with its default, its choices, its kind and its group.
func TestFlagsOfVLLM(t *testing.T) {
	var theirs []vllmFlag
	readJSON(t, "testdata/vllm_flags.json", &theirs)
	if len(theirs) != 101 {
		t.Fatalf("got %d flags in the recording, want 101", len(theirs))
	}
	table := Table()
	theirNames := map[string]bool{}
	for _, f := range theirs {
		name := strings.TrimPrefix(f.Names[0], "--")
		theirNames[name] = true
		def := table.Named(name)
		if def == nil {
			t.Errorf("--%s is missing", name)
			continue
		}
		if def.Origin != flags.VllmServe {
			t.Errorf("--%s is vLLM's and not marked so", name)
		}
		if got, want := kindName(def.Kind), f.ourKind(); got != want {
			t.Errorf("--%s: kind is %s, want %s", name, got, want)
		}
		if !sameDefault(def, f.Default) {
			t.Errorf("--%s: default is %q, want %v", name, def.Default, f.Default)
		}
		for _, c := range f.Choices {
			if !slices.Contains(def.Choices, c) {
				t.Errorf("--%s: choice %s is missing", name, c)
			}
		}
		if f.Group != "options" && def.Group != f.Group {
			t.Errorf("--%s: group is %q, want %q", name, def.Group, f.Group)
		}
		if f.Group == "options" && !slices.Contains(flags.GeneralGroups(), def.Group) {
			t.Errorf("--%s: group is %q, want a general one", name, def.Group)
		}
	}
	for _, def := range table {
		if def.Origin == flags.VllmServe && !theirNames[def.Name] {
			t.Errorf("--%s is marked as vLLM's and is none", def.Name)
		}
	}
}

func sameDefault(def *flags.Def, theirs any) bool {
	switch {
	case theirs == nil:
		return def.Default == ""
	case def.IsSwitch():
		return theirs == false && def.Default == ""
	case def.Name == "request-id-prefix":
		return def.Default == "" // made for each run
	case def.Name == "random-mm-limit-mm-per-prompt":
		return strings.ReplaceAll(fmt.Sprint(theirs), "'", `"`) == strings.ReplaceAll(strings.ReplaceAll(def.Default, ":", ": "), ",", ", ")
	case def.Kind == flags.Number:
		x, err := flags.ParseFloat(def.Default)
		return err == nil && (theirs == x || fmt.Sprint(theirs) == def.Default)
	}
	return fmt.Sprint(theirs) == def.Default
}

// lenient says why a command line that vLLM refuses is accepted here.
func lenient() map[string]string {
	return map[string]string{
		"--save-result=true": "a switch may say so",
		"--label -.5":        "vLLM's parser crashes: it takes the value for a dotted name",
	}
}

// TestArgumentsAsVLLM compares the reading of command lines with what vLLM's
// own parser made of them.
func TestArgumentsAsVLLM(t *testing.T) {
	var recorded []struct {
		Args []string
		OK   bool
		Set  map[string]any
	}
	readJSON(t, "testdata/vllm_args.json", &recorded)
	for _, r := range recorded {
		line := strings.Join(r.Args, " ")
		v, err := parseServe(r.Args)
		if err == nil {
			err = v.Check()
		}
		if lenient()[line] != "" {
			if err != nil {
				t.Errorf("%s: got %v, want it accepted: %s", line, err, lenient()[line])
			}
			continue
		}
		if (err == nil) != r.OK {
			t.Errorf("%s: got error %v, vLLM accepts it: %v", line, err, r.OK)
		}
		if err != nil || !r.OK {
			continue
		}
		got := map[string]any{}
		for _, f := range v.Table {
			if f.Origin == flags.VllmServe && v.Given(f.Name) && (f.Default == "" || !f.IsDefault(v.Text(f.Name))) {
				got[strings.ReplaceAll(f.Name, "-", "_")] = valueOf(v, &f)
			}
		}
		if _, ok := r.Set["self_timed"]; ok {
			got["self_timed"] = v.On("self-timed")
		}
		if diff := cmp.Diff(asJSON(t, r.Set), asJSON(t, got)); diff != "" {
			t.Errorf("%s (-vLLM +ours):\n%s", line, diff)
		}
	}
}

// asJSON brings a namespace into one form. Text that is JSON is compared as
// such, NaN as its name.
func asJSON(t *testing.T, m map[string]any) string {
	t.Helper()
	clean := map[string]any{}
	for k, v := range m {
		if s, ok := v.(string); ok && json.Valid([]byte(s)) {
			v = json.RawMessage(s)
		}
		if x, ok := v.(float64); ok && x != x {
			v = "nan"
		}
		clean[k] = v
	}
	b, err := json.MarshalIndent(clean, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
