package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A source is one parsed file.
type source struct {
	room string // first folder under internal
	path string // from internal, with slashes
	test bool
	set  *token.FileSet
	file *ast.File
}

// at names a place in the file.
func (s source) at(p token.Pos) string {
	return fmt.Sprintf("internal/%s:%d", s.path, s.set.Position(p).Line)
}

// read parses all files under internal.
func read(t *testing.T, root string) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "testdata" {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(p) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(rel, "/")
		out = append(out, source{room: name, path: rel, test: strings.HasSuffix(rel, "_test.go"), set: set, file: file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func roomNamed(name string) (room, bool) {
	for _, r := range rooms() {
		if r.name == name {
			return r, true
		}
	}
	return room{}, false
}

// checkAll returns every violation in the files.
func checkAll(files []source) []string {
	var out []string
	docs := map[string]bool{}
	for _, s := range files {
		r, ok := roomNamed(s.room)
		if !ok {
			out = append(out, fmt.Sprintf("internal/%s: the room %s is not in the table of arch", s.path, s.room))
			continue
		}
		out = append(out, checkNames(s)...)
		out = append(out, checkSize(s)...)
		out = append(out, checkComments(s)...)
		if s.test {
			continue
		}
		if slices.Contains(pure(), path.Dir(s.path)) {
			r.touches = ""
		}
		out = append(out, checkImports(s, r)...)
		out = append(out, checkTouches(s, r)...)
		dir := path.Dir(s.path)
		docs[dir] = docs[dir] || s.file.Doc != nil
	}
	for dir, ok := range docs {
		if !ok {
			out = append(out, fmt.Sprintf("internal/%s: the package has no comment that says what it is for", dir))
		}
	}
	slices.Sort(out)
	return out
}

func checkNames(s source) []string {
	for _, part := range strings.Split(path.Dir(s.path), "/") {
		if slices.Contains(badNames(), part) {
			return []string{fmt.Sprintf("internal/%s: a room is named by its job, not %s", s.path, part)}
		}
	}
	return nil
}

func checkSize(s source) []string {
	var out []string
	if n := s.set.File(s.file.FileStart).LineCount(); n > maxFile {
		out = append(out, fmt.Sprintf("internal/%s: %d lines: a file has at most %d", s.path, n, maxFile))
	}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || s.test || f.Body == nil || isData(f) {
			continue
		}
		if n := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1; n > maxFunc {
			out = append(out, fmt.Sprintf("%s: %s has %d lines: a function has at most %d", s.at(f.Pos()), f.Name.Name, n, maxFunc))
		}
	}
	return out
}

// isData reports whether a function does nothing but return one literal.
func isData(f *ast.FuncDecl) bool {
	if len(f.Body.List) != 1 {
		return false
	}
	r, ok := f.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(r.Results) != 1 {
		return false
	}
	_, ok = r.Results[0].(*ast.CompositeLit)
	return ok
}

func checkComments(s source) []string {
	var out []string
	for _, g := range s.file.Comments {
		for _, c := range g.List {
			for _, w := range badWords() {
				if strings.Contains(c.Text, w) {
					out = append(out, fmt.Sprintf("%s: %s stands in a comment: finish it or leave it out", s.at(c.Pos()), w))
				}
			}
		}
	}
	return out
}

const module = "tokmeter/internal/"

func checkImports(s source, r room) []string {
	var out []string
	allowed := strings.Fields(r.imports)
	for _, i := range s.file.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		if slices.Contains(roomBans()[r.name], p) {
			out = append(out, fmt.Sprintf("%s: the room %s never uses %s", s.at(i.Pos()), r.name, p))
		}
		rest, ours := strings.CutPrefix(p, module)
		if !ours {
			continue
		}
		other, folder, _ := strings.Cut(rest, "/")
		if other == "cli" && r.name == "cli" && !mayImport(path.Dir(s.path), folder) {
			out = append(out, fmt.Sprintf("%s: the folder %s may not import %s", s.at(i.Pos()), path.Dir(s.path), rest))
		}
		if other == r.name || slices.Contains(allowed, other) || slices.Contains(allowed, "*") {
			continue
		}
		out = append(out, fmt.Sprintf("%s: the room %s may not import %s (may: %s)", s.at(i.Pos()), r.name, other, r.imports))
	}
	return out
}

// mayImport says whether a folder of cli may import another one.
func mayImport(dir, folder string) bool {
	own := strings.TrimPrefix(dir, "cli/")
	of := func(name string) int {
		return slices.IndexFunc(folders(), func(r room) bool { return r.name == name })
	}
	if i := of(own); i >= 0 {
		return slices.Contains(strings.Fields(folders()[i].imports), folder)
	}
	return dir == "cli" || of(folder) >= 0
}

func checkTouches(s source, r room) []string {
	var out []string
	names := map[string]string{} // name in the file → import path
	for _, i := range s.file.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		name := path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = p
		out = append(out, touch(s, r, i.Pos(), p)...)
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && names[x.Name] != "" {
				out = append(out, touch(s, r, n.Pos(), names[x.Name]+"."+n.Sel.Name)...)
			}
		case *ast.GoStmt:
			if !slices.Contains(strings.Fields(r.touches), "goroutines") {
				out = append(out, fmt.Sprintf("%s: the room %s starts no goroutines", s.at(n.Pos()), r.name))
			}
		}
		return true
	})
	return out
}

// touch looks a package or one of its names up in the bans.
func touch(s source, r room, p token.Pos, what string) []string {
	var out []string
	for _, b := range bans() {
		if !slices.Contains(b.paths, what) {
			continue
		}
		if b.what == "" && path.Dir(s.path) == homes(what) || b.what != "" && slices.Contains(strings.Fields(r.touches), b.what) {
			continue
		}
		out = append(out, fmt.Sprintf("%s: %s in the room %s: %s", s.at(p), what, r.name, b.rule))
	}
	return out
}

func TestHouse(t *testing.T) {
	for _, v := range checkAll(read(t, "..")) {
		t.Error(v)
	}
}

// TestRules breaks each rule once: a check that finds nothing proves nothing.
func TestRules(t *testing.T) {
	tests := []struct {
		name, path, text, want string
	}{
		{"import that the table does not have", "wire/a.go", "// Package wire.\npackage wire\nimport _ \"tokmeter/internal/metrics\"\n", "internal/wire/a.go:3: the room wire may not import metrics (may: record origin)"},
		{"subfolders count as their room", "sim/face/a.go", "// Package face.\npackage face\nimport _ \"tokmeter/internal/protocol/x\"\n", "internal/sim/face/a.go:3: the room sim may not import protocol (may: model stats tokenize template python alarm)"},
		{"room that is not in the table", "cake/a.go", "// Package cake.\npackage cake\n", "internal/cake/a.go: the room cake is not in the table of arch"},
		{"network", "plan/a.go", "// Package plan.\npackage plan\nimport \"net/http\"\nvar _ = http.Get\n", "internal/plan/a.go:4: net/http.Get in the room plan: only rooms with the network in the table open connections"},
		{"clock", "schedule/a.go", "// Package schedule.\npackage schedule\nimport \"time\"\nvar _ = time.Now\n", "internal/schedule/a.go:4: time.Now in the room schedule: only rooms with the clock in the table know the time"},
		{"environment under another name", "hub/a.go", "// Package hub.\npackage hub\nimport sys \"os\"\nvar _ = sys.Getenv\n", "internal/hub/a.go:4: os.Getenv in the room hub: only cli/shell touches arguments, environment, streams, signals, terminal and exit, and only cli knows cobra"},
		{"printing", "load/a.go", "// Package load.\npackage load\nimport \"fmt\"\nfunc f() { fmt.Println() }\n", "internal/load/a.go:4: fmt.Println in the room load: only cli/shell touches arguments, environment, streams, signals, terminal and exit, and only cli knows cobra"},
		{"a clock where time is a number", "model/sched/a.go", "// Package sched.\npackage sched\nimport \"time\"\nvar t = time.Now()\n", "internal/model/sched/a.go:4: time.Now in the room model: only rooms with the clock in the table know the time"},
		{"a goroutine there", "model/light/a.go", "// Package light.\npackage light\nfunc f() { go f() }\n", "internal/model/light/a.go:3: the room model starts no goroutines"},
		{"the terminal in a command", "cli/sim/a.go", "// Package sim.\npackage sim\nimport \"os\"\nvar _ = os.Stdout\n", "internal/cli/sim/a.go:4: os.Stdout in the room cli: only cli/shell touches arguments, environment, streams, signals, terminal and exit, and only cli knows cobra"},
		{"cobra in a command", "cli/sim/a.go", "// Package sim.\npackage sim\nimport _ \"github.com/spf13/cobra\"\n", "internal/cli/sim/a.go:3: github.com/spf13/cobra in the room cli: only cli/shell touches arguments, environment, streams, signals, terminal and exit, and only cli knows cobra"},
		{"a command that imports another", "cli/sim/a.go", "// Package sim.\npackage sim\nimport _ \"tokmeter/internal/cli/bench\"\n", "internal/cli/sim/a.go:3: the folder cli/sim may not import cli/bench"},
		{"what commands share imports one", "cli/measure/a.go", "// Package measure.\npackage measure\nimport _ \"tokmeter/internal/cli/bench\"\n", "internal/cli/measure/a.go:3: the folder cli/measure may not import cli/bench"},
		{"goroutine", "metrics/a.go", "// Package metrics.\npackage metrics\nfunc f() { go f() }\n", "internal/metrics/a.go:3: the room metrics starts no goroutines"},
		{"JSON in the wire", "wire/a.go", "// Package wire.\npackage wire\nimport _ \"encoding/json\"\n", "internal/wire/a.go:3: the room wire never uses encoding/json"},
		{"long file", "plan/a.go", "// Package plan.\npackage plan\n" + strings.Repeat("\n", maxFile), "internal/plan/a.go: 452 lines: a file has at most 450"},
		{"long function", "plan/a.go", "// Package plan.\npackage plan\nfunc f() {\n" + strings.Repeat("f()\n", maxFunc) + "}\n", "internal/plan/a.go:3: f has 82 lines: a function has at most 80"},
		{"unfinished work", "plan/a.go", "// Package plan.\npackage plan\n// " + badWords()[0] + "\n", "internal/plan/a.go:3: " + badWords()[0] + " stands in a comment: finish it or leave it out"},
		{"no package comment", "plan/a.go", "package plan\n", "internal/plan: the package has no comment that says what it is for"},
		{"name that says nothing", "plan/util/a.go", "// Package util.\npackage util\n", "internal/plan/util/a.go: a room is named by its job, not util"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, filepath.FromSlash(tt.path))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			got := checkAll(read(t, dir))
			if len(got) != 1 || got[0] != tt.want {
				t.Errorf("got %q, want [%q]", got, tt.want)
			}
		})
	}
}

// TestMain stays a line: all that it does is to leave with Main's code.
func TestMainFile(t *testing.T) {
	b, err := os.ReadFile("../../cmd/tokmeter/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "func main() { os.Exit(cli.Main(cli.OS())) }") {
		t.Error("cmd/tokmeter/main.go: want one line: os.Exit(cli.Main(cli.OS()))")
	}
}
