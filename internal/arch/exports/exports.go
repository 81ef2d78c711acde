// Package exports finds what is exported and has no user outside its package:
// such a name says that others need it, and nobody does. Tests of other packages
// are no users.
//
// It reads the source and knows no types. Functions, types, constants and
// variables are followed by their package; of methods the name alone is looked
// for, so that one of a common name may pass unseen. A method that an interface of
// ours or of the standard library may ask for has users that the source does not
// show, and so has a type that something exported names, or that is an error. Constants of a group are
// one enumeration, and fields go with their type.
package exports

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A name is one that is exported.
type name struct {
	pkg    string // import path
	ident  string
	method bool
	at     token.Position
}

// A tree is the source of a module.
type tree struct {
	module string
	set    *token.FileSet
	names  []name
	used   map[[2]string]bool         // package and name, from other packages
	spoken map[string]map[string]bool // name → packages whose selectors or keys have it
	asked  map[string]bool            // methods of interfaces
}

// standard are methods that the standard library asks for by interfaces, or
// by name alone.
const standard = "Close Error Format Is As Len Less Swap Push Pop Read ReadAt Seek Set String Type Unwrap Write WriteTo ReadFrom " +
	"MarshalJSON UnmarshalJSON MarshalText UnmarshalText UnmarshalYAML MarshalYAML ServeHTTP RoundTrip Run Accept Temporary Timeout"

// unused lists what is exported below root and has no user outside its package,
// one line each, but for what is kept, by its folder and name.
func unused(root, module string, kept map[string]bool) ([]string, error) {
	t := &tree{module: module, set: token.NewFileSet(), used: map[[2]string]bool{}, spoken: map[string]map[string]bool{}, asked: map[string]bool{}}
	for _, m := range strings.Fields(standard) {
		t.asked[m] = true
	}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "tools" || strings.HasPrefix(d.Name(), ".") && p != root) {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		return t.read(root, p)
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(t.names, func(a, b name) int {
		return cmp.Or(cmp.Compare(a.at.Filename, b.at.Filename), cmp.Compare(a.at.Line, b.at.Line))
	})
	var out []string
	for _, n := range t.names {
		if t.needed(n) {
			continue
		}
		file, err := filepath.Rel(root, n.at.Filename)
		if err != nil {
			return nil, err
		}
		if kept[path.Dir(filepath.ToSlash(file))+" "+n.ident] {
			continue
		}
		out = append(out, fmt.Sprintf("%s:%d: %s has no user outside its package", filepath.ToSlash(file), n.at.Line, n.ident))
	}
	return slices.Compact(out), nil
}

func (t *tree) needed(n name) bool {
	switch {
	case !n.method:
		return t.used[[2]string{n.pkg, n.ident}]
	case t.asked[n.ident]:
		return true
	}
	for pkg := range t.spoken[n.ident] {
		if pkg != n.pkg {
			return true
		}
	}
	return false
}

// read takes the names and the uses of one file.
func (t *tree) read(root, p string) error {
	file, err := parser.ParseFile(t.set, p, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, filepath.Dir(p))
	if err != nil {
		return err
	}
	pkg := path.Join(t.module, filepath.ToSlash(rel))
	if file.Name.Name != "main" {
		for _, d := range file.Decls {
			t.declared(pkg, d)
		}
	}
	t.uses(pkg, file)
	return nil
}

// mentions takes the types that something exported names: whoever has a value of
// one may need its name.
func (t *tree) mentions(pkg string, n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			t.used[[2]string{pkg, id.Name}] = true
		}
		return true
	})
}

func (t *tree) add(pkg string, id *ast.Ident, method bool) {
	if id.IsExported() {
		t.names = append(t.names, name{pkg, id.Name, method, t.set.Position(id.Pos())})
	}
}

// declared takes what a declaration exports.
func (t *tree) declared(pkg string, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		switch {
		case d.Recv == nil:
			t.add(pkg, d.Name, false)
		case receiver(d).IsExported():
			t.add(pkg, d.Name, true)
		}
		if d.Name.IsExported() {
			t.mentions(pkg, d.Type)
		}
		if d.Recv != nil && d.Name.Name == "Error" { // whoever gets the error may ask for its type
			t.mentions(pkg, receiver(d))
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				if d.Tok == token.CONST && len(d.Specs) > 1 {
					continue
				}
				for _, id := range s.Names {
					t.add(pkg, id, false)
				}
			case *ast.TypeSpec:
				t.add(pkg, s.Name, false)
				if s.Name.IsExported() {
					t.mentions(pkg, s.Type)
				}
			}
		}
	}
}

// receiver is the name of the type that a method belongs to.
func receiver(d *ast.FuncDecl) *ast.Ident {
	x := d.Recv.List[0].Type
	for {
		switch y := x.(type) {
		case *ast.StarExpr:
			x = y.X
		case *ast.IndexExpr:
			x = y.X
		case *ast.IndexListExpr:
			x = y.X
		case *ast.Ident:
			return y
		default:
			return ast.NewIdent("_")
		}
	}
}

// uses takes what a file says of other packages.
func (t *tree) uses(pkg string, file *ast.File) {
	imports := map[string]string{}
	for _, i := range file.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		id := path.Base(p)
		if i.Name != nil {
			id = i.Name.Name
		}
		imports[id] = p
	}
	say := func(id string) {
		if t.spoken[id] == nil {
			t.spoken[id] = map[string]bool{}
		}
		t.spoken[id][pkg] = true
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && imports[x.Name] != "" {
				t.used[[2]string{imports[x.Name], n.Sel.Name}] = true
			}
			say(n.Sel.Name)
		case *ast.KeyValueExpr:
			if id, ok := n.Key.(*ast.Ident); ok {
				say(id.Name)
			}
		case *ast.InterfaceType:
			for _, m := range n.Methods.List {
				for _, id := range m.Names {
					t.asked[id.Name] = true
				}
			}
		}
		return true
	})
}
