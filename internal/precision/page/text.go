package page

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"tokmeter/internal/excerpt"
)

// Text writes the precision table for a terminal; wide adds what stands beside
// the five columns.
func Text(w io.Writer, p *Page, wide bool) error {
	b := bufio.NewWriter(w)
	line := func(s string) { fmt.Fprintln(b, strings.TrimRight(s, " ")) }
	line(flat(p.title()))
	if c := p.conclusion(); c != "" {
		line("")
		line(c)
	}
	line("")
	for _, f := range p.facts() {
		line(fmt.Sprintf("%-9s %s", f.label+":", f.text))
	}
	block(line, "Not the same for all:", p.differences())
	for _, t := range p.tables(wide) {
		line("")
		if t.name != "" {
			line(t.name)
		}
		textTable(line, t)
		line("(" + excerpt.Line(t.caption) + ")")
		for _, n := range t.notes {
			line(excerpt.Line(n))
		}
	}
	block(line, "Verdict:", p.verdicts())
	block(line, "Notes:", p.remarks())
	if err := b.Flush(); err != nil {
		return fmt.Errorf("precision table: %w", err)
	}
	return nil
}

// block writes a list under its head, if there is one.
func block(line func(string), head string, list []string) {
	if len(list) == 0 {
		return
	}
	line("")
	line(head)
	for _, s := range list {
		line("  " + excerpt.Line(s))
	}
}

// textTable writes columns with two blanks between them and a line below the
// head.
func textTable(line func(string), t sheet) {
	widths := make([]int, len(t.head))
	cells := append([][]string{t.head}, t.rows...)
	for _, row := range cells {
		for j, c := range row {
			widths[j] = max(widths[j], utf8.RuneCountInString(c))
		}
	}
	for i, row := range cells {
		var s strings.Builder
		for j, c := range row {
			if j > 0 {
				s.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[j]-utf8.RuneCountInString(c))
			if slices.Contains(t.words, j) {
				s.WriteString(c + pad)
			} else {
				s.WriteString(pad + c)
			}
		}
		line(s.String())
		if i == 0 {
			total := 2 * (len(widths) - 1)
			for _, n := range widths {
				total += n
			}
			line(strings.Repeat("-", total))
		}
	}
}

// Markdown writes the precision table as GitHub's Markdown shows it; wide adds
// what stands beside the five columns.
func Markdown(w io.Writer, p *Page, wide bool) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "### %s\n", markdown(p.title()))
	if c := p.conclusion(); c != "" {
		fmt.Fprintf(b, "\n**%s**\n", markdown(c))
	}
	fmt.Fprintln(b)
	for _, f := range p.facts() {
		text := markdown(f.text)
		if f.label == "Command" {
			text = codeCell(f.text)
		}
		fmt.Fprintf(b, "- %s: %s\n", f.label, text)
	}
	items(b, "Not the same for all:", p.differences())
	for _, t := range p.tables(wide) {
		if t.name != "" {
			fmt.Fprintf(b, "\n#### %s\n", markdown(t.name))
		}
		fmt.Fprintln(b)
		row(b, t.head, -1)
		fmt.Fprint(b, "|")
		for i := range t.head {
			if slices.Contains(t.words, i) {
				fmt.Fprint(b, "-|")
			} else {
				fmt.Fprint(b, "-:|")
			}
		}
		fmt.Fprintln(b)
		for _, cells := range t.rows {
			row(b, cells, t.code)
		}
		fmt.Fprintf(b, "\n%s\n", markdown(t.caption))
		items(b, "", t.notes)
	}
	items(b, "**Verdict**", p.verdicts())
	items(b, "**Notes**", p.remarks())
	if err := b.Flush(); err != nil {
		return fmt.Errorf("precision table: %w", err)
	}
	return nil
}

func row(b *bufio.Writer, cells []string, code int) {
	fmt.Fprint(b, "|")
	for i, c := range cells {
		if i == code {
			fmt.Fprintf(b, " %s |", codeCell(c))
			continue
		}
		fmt.Fprintf(b, " %s |", markdown(c))
	}
	fmt.Fprintln(b)
}

func items(b *bufio.Writer, head string, list []string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(b)
	if head != "" {
		fmt.Fprintf(b, "%s\n\n", head)
	}
	for _, s := range list {
		fmt.Fprintf(b, "- %s\n", markdown(s))
	}
}

// markdown makes a text stand for itself: what Markdown or HTML would read as
// more than a character gets a backslash. Brackets around numbers, which an
// interval has, are left alone: they are no link.
func markdown(s string) string {
	var b strings.Builder
	rest := excerpt.Line(s)
	if n := listMark(rest); n >= 0 {
		b.WriteString(rest[:n] + `\`)
		b.WriteByte(rest[n])
		rest = rest[n+1:]
	}
	for rest != "" {
		if n := interval95(rest); n > 0 {
			b.WriteString(rest[:n])
			rest = rest[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(rest)
		if strings.ContainsRune("\\`*_<>|#~$@&[]", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		rest = rest[n:]
	}
	return b.String()
}

// listMark is where a text that would begin a list, a rule or a head has the
// character that makes it one; -1 if it is no such text.
func listMark(s string) int {
	at := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if at == len(s) {
		return -1
	}
	marks := ".)"
	if at == 0 {
		marks = "-+="
	}
	if !strings.ContainsRune(marks, rune(s[at])) || at+1 < len(s) && !strings.ContainsRune(" -=", rune(s[at+1])) {
		return -1
	}
	return at
}

// interval95 is the length of an interval in brackets that s begins with, or 0.
func interval95(s string) int {
	if !strings.HasPrefix(s, "[") {
		return 0
	}
	n := 1 + strings.IndexFunc(s[1:], func(r rune) bool { return !strings.ContainsRune("0123456789., -", r) })
	if n < 2 || !strings.ContainsAny(s[1:n], "0123456789") || s[n] != ']' || strings.ContainsAny(s[n+1:min(n+2, len(s))], "([:") {
		return 0
	}
	return n + 1
}

// codeCell is a name in backticks. A bar ends a cell even there, unless it has a
// backslash; a name with backticks, or with backslashes and bars, is written as
// a text.
func codeCell(s string) string {
	s = flat(s)
	if s == "" {
		return ""
	}
	if strings.Contains(s, "`") || strings.Contains(s, "|") && strings.Contains(s, `\`) {
		return markdown(s)
	}
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}
