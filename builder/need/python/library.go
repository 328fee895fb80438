package python

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A pruned row is a part of CPython that no program needs to run.
type pruned struct {
	// pattern is a path below the directory that the table is for, in the form
	// of path.Match.
	pattern string
	bytes   int64  // of CPython 3.11.7, made from its sources, without compiled modules; 0 where that has none
	why     string // as the report says it
	source  string
}

// libraryTable is what stays behind of a standard library
// (lib/pythonX.Y). Modules that a program of the image imports come all the
// same. Read in 2026-11.
var libraryTable = []pruned{
	{"test", 23_181_056, "is CPython's own tests", "docker-library/python removes them, too"},
	{"*/test", 0, "is CPython's own tests", "docker-library/python"},
	{"*/tests", 0, "is CPython's own tests", "docker-library/python"},
	{"idlelib", 1_638_929, "is an editor with windows", "Python documentation, IDLE"},
	{"turtledemo", 63_034, "is a demonstration with windows", "Python documentation, turtle"},
	{"turtle.py", 144_360, "draws in windows", "Python documentation, turtle"},
	{"tkinter", 653_147, "makes windows by Tk, which slim images do not have", "docker-library/python leaves Tk's libraries out of its slim images"},
	{"lib2to3", 679_957, "translates Python 2; removed in 3.13", "What's New in Python 3.13"},
	{"ensurepip", 3_329_335, "installs pip", "Python documentation, ensurepip"},
	{"pydoc_data", 758_336, "is the text of help()", "Python documentation, pydoc"},
	{"config-3.*", 45_732_280, "is what extension modules are compiled with", "Python documentation, Extending"},
	{"*.a", 0, "is a static library", "docker-library/python"},
	{"lib-dynload/_test*.so", 1_087_696, "is CPython's own tests", "Modules/Setup of CPython"},
	{"lib-dynload/_ctypes_test*.so", 58_392, "is CPython's own tests", "Modules/Setup of CPython"},
	{"lib-dynload/_xx*.so", 235_000, "is CPython's own tests", "Modules/Setup of CPython"},
	{"lib-dynload/xx*.so", 62_664, "is an example of an extension module", "Modules/Setup of CPython"},
	{"lib-dynload/nis.*so", 55_960, "asks Sun's yellow pages, by 2 MB of Kerberos and RPC libraries; removed in 3.13", "PEP 594"},
	{"lib-dynload/_tkinter*.so", 243_120, "makes windows by Tk", "see tkinter"},
}

// keptTable is what looks as if it could go and cannot.
var keptTable = []pruned{
	{"unittest", 0, "numpy.testing and others import it when they are imported themselves", "numpy#28936"},
	{"doctest.py", 0, "as unittest", "numpy#28936"},
	{"pydoc.py", 0, "inspect and helpers of scipy import it", "distroless keeps it"},
	{"distutils", 0, "numpy and older libraries import it", "PEP 632"},
	{"encodings", 0, "are loaded by name", "codecs"},
	{"site-packages/*/tests", 0, "packages run code of them; the report lists them as droppable", "numpy#19591, pandas#30741"},
	{"site-packages/*.dist-info", 0, "entry points and importlib.metadata read them when a program starts; scanners know packages by them", "soulbeet#82"},
	{"__pycache__", 0, "imports are slower by several times without", "docker-library/python#615"},
}

// siteTable is what stays behind of a directory of packages: what only
// installs others.
var siteTable = []pruned{
	{"pip", 6_980_020, "only installs packages", "distroless and chisel have none"},
	{"pip-*.dist-info", 92_825, "only installs packages", "distroless and chisel have none"},
	{"wheel", 0, "only builds packages", "wheel's documentation"},
	{"wheel-*.dist-info", 0, "only builds packages", "wheel's documentation"},
}

// prefixTable is what stays behind of a prefix, such as /usr/local.
var prefixTable = []pruned{
	{"include/python3*", 890_183, "is what extension modules are compiled with", "Python documentation, Extending"},
	{"lib/pkgconfig", 0, "is what programs are compiled with", "pkg-config(1)"},
	{"lib/libpython3*.a", 0, "is a static library", "docker-library/python"},
	{"share/man", 0, "is documentation", "hier(7)"},
	{"share/doc", 0, "is documentation", "hier(7)"},
	{"bin/pip", 0, "only installs packages", "see pip"},
	{"bin/pip3*", 0, "only installs packages", "see pip"},
	{"bin/wheel*", 0, "only builds packages", "see wheel"},
	{"bin/idle*", 0, "is an editor with windows", "see idlelib"},
	{"bin/pydoc*", 0, "shows documentation", "pydoc"},
	{"bin/2to3*", 0, "translates Python 2", "see lib2to3"},
	{"bin/python*-config", 0, "is what extension modules are compiled with", "python3-config(1)"},
}

// matching says why a path below a table's directory stays behind, "" when it
// does not.
func matching(table []pruned, rel string) string {
	for _, row := range table {
		if ok, _ := path.Match(row.pattern, rel); ok {
			return row.why
		}
	}
	return ""
}

// standardLibrary asks for the standard library, without what no program
// needs.
func (in *interpreter) standardLibrary(ctx context.Context, t tree.Tree) ([]need.Need, error) {
	return in.files(ctx, t, in.library, "standard library of "+in.program, func(rel string) bool {
		return rel == "site-packages" || rel == "dist-packages" || matching(libraryTable, rel) != ""
	})
}

// packages asks for the packages in a directory of them, without what only
// installs others.
func (in *interpreter) packages(ctx context.Context, t tree.Tree, site string) ([]need.Need, error) {
	res, err := tree.Resolve(ctx, t, site)
	if need.Missing(err) || err == nil && !res.Entry.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := in.files(ctx, t, res.Path, "package of "+in.program, func(rel string) bool { return matching(siteTable, rel) != "" })
	for i, n := range out {
		// Some packages run code of their tests, so they stay.
		out[i].Droppable = strings.Contains(n.Path, "/tests/") || strings.Contains(n.Path, "/test/")
	}
	return out, err
}

// files asks for the files below a directory.
func (in *interpreter) files(ctx context.Context, t tree.Tree, root, reason string, skip func(rel string) bool) ([]need.Need, error) {
	var out []need.Need
	err := tree.Walk(ctx, t, root, func(name string, e tree.Entry) error {
		rel := strings.TrimPrefix(name, root+"/")
		if name != root && skip(rel) {
			if e.IsDir() {
				return tree.SkipDir
			}
			return nil
		}
		switch {
		case e.IsRegular():
			out = append(out, need.Need{Kind: need.Data, Path: name, By: in.program, Reason: reason, Strength: need.Expected, Entry: &e})
		case e.IsSymlink():
			out = append(out, need.Need{Kind: need.Data, Path: name, By: in.program, Reason: reason, Strength: need.Expected})
		}
		return nil
	})
	return out, err
}

// prunable lists what a prefix holds of the tables, by paths, with why.
func (in *interpreter) prunable(ctx context.Context, t tree.Tree, env *need.Env) (map[string]string, error) {
	out := map[string]string{}
	collect := func(dir string, table []pruned) error {
		for _, row := range table {
			names, err := expand(ctx, t, dir, row.pattern)
			if err != nil {
				return err
			}
			for _, name := range names {
				out[name] = row.why
			}
		}
		return nil
	}
	if in.prefix != "/usr" { // what lies there belongs to packages
		if err := collect(in.prefix, prefixTable); err != nil {
			return nil, err
		}
	}
	if err := collect(in.library, libraryTable); err != nil {
		return nil, err
	}
	for _, site := range in.sites(env) {
		if err := collect(site, siteTable); err != nil {
			return nil, err
		}
	}
	if in.venv != "" {
		for _, row := range prefixTable {
			if !strings.HasPrefix(row.pattern, "bin/") {
				continue
			}
			if err := collect(in.venv, []pruned{row}); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// expand lists the real paths below a directory that match a pattern of
// path.Match, a component at a time.
func expand(ctx context.Context, t tree.Tree, dir, pattern string) ([]string, error) {
	at := []string{dir}
	for _, part := range strings.Split(pattern, "/") {
		var next []string
		for _, d := range at {
			entries, err := readDir(ctx, t, d)
			if err != nil {
				return nil, err
			}
			res, err := tree.Resolve(ctx, t, d)
			if err != nil {
				if need.Missing(err) {
					continue
				}
				return nil, err
			}
			for _, e := range entries {
				if ok, _ := path.Match(part, e.Name); ok {
					next = append(next, path.Join(res.Path, e.Name))
				}
			}
		}
		at = next
	}
	slices.Sort(at)
	return at, nil
}
