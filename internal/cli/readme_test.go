package cli

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/sim"
)

const readme = "../../README.md"

// block returns the fenced block of that language after a mark in the README,
// and where its text stands.
func block(t *testing.T, text, mark, language string) (body string, from, to int) {
	t.Helper()
	at := strings.Index(text, "<!-- "+mark+" -->")
	open := "```" + language + "\n"
	if at < 0 || !strings.Contains(text[at:], open) {
		t.Fatalf("README: no %s block marked %s", language, mark)
	}
	from = at + strings.Index(text[at:], open) + len(open)
	to = from + strings.Index(text[from:], "```")
	return text[from:to], from, to
}

// inWords cuts a command line of the README, which has no quotes.
func inWords(line string) []string { return strings.Fields(line) }

// runIn runs tokmeter in a folder and returns what it prints. It is this program
// under tokmeter's name, as scripts have it.
func runIn(t *testing.T, dir string, args []string, env ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Args[0] = "tokmeter"
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), env...), &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tokmeter %s: %v: %s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

var (
	digits  = regexp.MustCompile(`[0-9]+`)
	filler  = regexp.MustCompile(` {2,}|-{2,}`)
	differs = regexp.MustCompile(`^(Warning|Verdict|Intervals|Steady state|ITL per Token): |^ `)
	joined  = regexp.MustCompile(`(?m)^-+Inter-token Latency per Token-+\n(?:[^-\n].*\n)*`)
)

// shape is the output without its numbers, the room that they take, and what a
// busy machine adds or decides: warnings, a part for tokens that were read together,
// the verdict with its reasons, and how well the numbers are known.
func shape(out string) string {
	if i := strings.Index(out, "---Warnings---"); i >= 0 {
		out = out[:i]
	}
	out = filler.ReplaceAllString(digits.ReplaceAllString(joined.ReplaceAllString(out, ""), "0"), " ")
	var lines []string
	for line := range strings.Lines(out) {
		if !differs.MatchString(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

// dateless is the page without what differs from one day and version to the next.
func dateless(out string) string {
	return regexp.MustCompile(`(?m)^(Date|tokmeter|Command): .*$`).ReplaceAllString(out, "$1:")
}

// TestReadme runs the README's commands: the first and the precision table show
// what the README shows, and the third is the command that users of vllm bench serve have.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what takes seconds")
	}
	raw, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	top, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	sharegpt := top + "/../../testdata/sharegpt.json"

	// Of the first command what a run measures may differ, of the table nothing:
	// the virtual clock gives every machine the same numbers.
	for _, c := range []struct {
		mark string
		same func(string) string
	}{
		{"first", shape},
		{"precision", dateless},
	} {
		t.Run(c.mark, func(t *testing.T) {
			command, _, _ := block(t, text, c.mark, "sh")
			rest, ok := strings.CutPrefix(command, "go run ./cmd/tokmeter ")
			if !ok {
				t.Fatalf("README: the command is %q", command)
			}
			if !*update { // which writes one part after the other
				t.Parallel()
			}
			out := strings.ReplaceAll(runIn(t, t.TempDir(), inWords(strings.ReplaceAll(rest, "testdata/sharegpt.json", sharegpt))), sharegpt, "testdata/sharegpt.json")
			shown, from, to := block(t, text, c.mark, "text")
			if *update {
				text = text[:from] + out + text[to:]
				if err := os.WriteFile(top+"/"+readme, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(c.same(shown), c.same(out)); diff != "" {
				t.Fatalf("README shows another output (-README +now; -update writes it):\n%s", diff)
			}
		})
	}

	t.Run("third", func(t *testing.T) {
		t.Parallel()
		const model = "meta-llama/Meta-Llama-3-8B-Instruct"
		s, err := sim.Start(sim.Options{Fixed: &sim.Spec{Model: model}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		command, _, _ := block(t, text, "third", "sh")
		_, rest, ok := strings.Cut(command, "./tokmeter bench")
		if !ok {
			t.Fatalf("README: the third command is %q", command)
		}
		rest = strings.NewReplacer(
			"ShareGPT_V3_unfiltered_cleaned_split.json", sharegpt,
			"--request-rate 1.0", "--request-rate 100.0", // a minute and a half less
		).Replace(rest)
		out := runIn(t, t.TempDir(), append(inWords("bench "+rest), "--base-url", s.URL()), "HF_HUB_OFFLINE=1")
		if !strings.Contains(out, "Successful requests:                     100 ") {
			t.Fatalf("got\n%s", out)
		}
	})
}
