package ruby

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/need/source"
	"github.com/whittle-oci/whittle/builder/tree"
)

// loads is a function that loads a library by its name.
const loads source.How = 100

// language is how sources of Ruby are read. What starts one command line hands
// it to /bin/sh where it has characters of a shell (process.c,
// rb_exec_fillarg), and gives nil where there is none.
var language = source.Language{
	Dialect: source.Dialect{Comments: []string{"#"}, Pod: true, Interpolation: "#", Percent: true, Heredoc: "<<", Regexps: true, End: "__END__", Bare: true},
	Calls: map[string]source.How{
		"system": source.LikeExec, "exec": source.LikeExec, "spawn": source.LikeExec, "Kernel.system": source.LikeExec, "Kernel.exec": source.LikeExec, "Kernel.spawn": source.LikeExec, "Process.spawn": source.LikeExec, "Process.exec": source.LikeExec,
		"IO.popen": source.LikeExec, "PTY.spawn": source.LikeExec, "Open3.capture2": source.LikeExec, "Open3.capture2e": source.LikeExec, "Open3.capture3": source.LikeExec, "Open3.popen2": source.LikeExec, "Open3.popen2e": source.LikeExec, "Open3.popen3": source.LikeExec,
		"ffi_lib": loads, "Fiddle.dlopen": loads, "dlload": loads,
	},
	Shell: "*?{}[]<>()~&|\\$;'`\"\n#=%", Exec: true,
	Loads: []string{"require", "require_relative", "load"},
}

// others are directories whose files an application does not run when it works.
var others = []string{"gems", "bundle", "node_modules", "spec", "test", "tests", "features", "doc", "docs"}

// own reports whether a file is one of the application's own sources.
func (r *Runtime) own(f *need.File) bool {
	if !f.Entry.IsRegular() || f.Entry.Size > source.MaxFile || f.Entry.Size == 0 {
		return false
	}
	if slices.ContainsFunc([]string{"/usr/lib/", "/usr/share/", "/usr/local/lib/", "/usr/local/bundle/", "/var/lib/gems/", "/usr/bin/"}, func(dir string) bool { return strings.HasPrefix(f.Path, dir) }) {
		return false
	}
	if slices.ContainsFunc(strings.Split(f.Path, "/"), func(part string) bool { return slices.Contains(others, part) }) {
		return false
	}
	if _, ok := r.mains[f.Path]; ok {
		return true
	}
	return slices.Contains([]string{".rb", ".ru", ".rake"}, path.Ext(f.Path)) || path.Base(f.Path) == "Rakefile"
}

// A dependency is what an installed gem is known to use.
type dependency struct {
	programs   []string
	libraries  []string // names for dlopen, with lib and without .so
	converters []string // of character sets, of the C library
	shell      bool
	zones      bool
	source     string
}

// dependencies are known by their names (their documentation; 2026-11).
var dependencies = sync.OnceValue(func() map[string]dependency {
	return map[string]dependency{
		"mini_magick":     {programs: []string{"magick", "convert", "identify", "mogrify", "composite", "gm"}, source: "github.com/minimagick/minimagick"},
		"ruby-vips":       {libraries: []string{"libvips.so.42", "libglib-2.0.so.0", "libgobject-2.0.so.0"}, source: "github.com/libvips/ruby-vips"},
		"ruby-filemagic":  {libraries: []string{"libmagic.so.1"}, source: "github.com/blackwinter/ruby-filemagic"},
		"rbnacl":          {libraries: []string{"libsodium.so.23"}, source: "github.com/RubyCrypto/rbnacl"},
		"ffi-geos":        {libraries: []string{"libgeos_c.so.1"}, source: "github.com/dark-panda/ffi-geos"},
		"ffi-rzmq":        {libraries: []string{"libzmq.so.5"}, source: "github.com/chuckremes/ffi-rzmq"},
		"nokogiri":        {converters: []string{"CP932"}, source: "nokogiri.org, lib/nokogiri/encoding_handler.rb"},
		"pdfkit":          {programs: []string{"wkhtmltopdf"}, shell: true, source: "github.com/pdfkit/pdfkit"},
		"wicked_pdf":      {programs: []string{"wkhtmltopdf"}, shell: true, source: "github.com/mileszs/wicked_pdf"},
		"grover":          {programs: []string{"node"}, source: "github.com/Studiosol/grover"},
		"streamio-ffmpeg": {programs: []string{"ffmpeg", "ffprobe"}, shell: true, source: "github.com/streamio/streamio-ffmpeg"},
		"rtesseract":      {programs: []string{"tesseract"}, source: "github.com/dannnylo/rtesseract"},
		"execjs":          {programs: []string{"node", "nodejs"}, source: "github.com/rails/execjs"},
		"git":             {programs: []string{"git"}, source: "github.com/ruby-git/ruby-git"},
		"terrapin":        {shell: true, source: "github.com/thoughtbot/terrapin"},
		"cocaine":         {shell: true, source: "github.com/thoughtbot/cocaine"},
		"kt-paperclip":    {programs: []string{"convert", "identify", "file"}, shell: true, source: "github.com/kreeti/kt-paperclip"},
		"whenever":        {shell: true, source: "github.com/javan/whenever"},
		"tzinfo":          {zones: true, source: "tzinfo.github.io"},
		"image_optim":     {programs: []string{"jpegoptim", "optipng", "pngquant", "gifsicle", "advpng", "pngcrush", "jhead"}, source: "github.com/toy/image_optim"},
		"activestorage":   {programs: []string{"ffmpeg", "ffprobe", "mutool", "pdftoppm"}, source: "guides.rubyonrails.org, Active Storage"},
		"docsplit":        {programs: []string{"pdftotext", "pdftk", "gm", "tesseract", "soffice"}, shell: true, source: "documentcloud.github.io/docsplit"},
	}
})

// Dependencies prints what gems are known to use, for the manual.
func Dependencies() string {
	var b strings.Builder
	b.WriteString("| gem | uses | source |\n| --- | --- | --- |\n")
	for _, name := range slices.SortedFunc(maps.Keys(dependencies()), cmp.Compare[string]) {
		d := dependencies()[name]
		var uses []string
		if d.shell {
			uses = append(uses, "a shell")
		}
		if len(d.programs) > 0 {
			uses = append(uses, "`"+strings.Join(d.programs, "`, `")+"`")
		}
		if len(d.libraries) > 0 {
			uses = append(uses, "`"+strings.Join(d.libraries, "`, `")+"`")
		}
		if len(d.converters) > 0 {
			uses = append(uses, "the character sets `"+strings.Join(d.converters, "`, `")+"`")
		}
		if d.zones {
			uses = append(uses, "time zones")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, strings.Join(uses, ", "), d.source)
	}
	return b.String()
}

// Settle implements need.Settler: what the application's own sources and the
// gems in the image are known to use.
func (r *Runtime) Settle(ctx context.Context, env *need.Env, s *need.Set) (need.Found, error) {
	var out need.Found
	if len(r.found) == 0 {
		return out, nil
	}
	seen := map[string]bool{}
	for _, f := range s.Files() {
		if i := strings.LastIndex(f.Path, "/specifications/"); i >= 0 && strings.HasSuffix(f.Path, ".gemspec") {
			m := gemName().FindStringSubmatch(strings.TrimSuffix(path.Base(f.Path), ".gemspec"))
			if m == nil {
				continue
			}
			out.Components = append(out.Components, image.Component{Type: "gem", Name: m[1], Version: m[2], Program: f.Path})
			if !seen[m[1]] {
				seen[m[1]] = true
				if err := r.dependency(ctx, env, m[1], &out); err != nil {
					return out, err
				}
			}
			continue
		}
		if strings.HasSuffix(f.Path, "/config/application.rb") && f.Entry.IsRegular() {
			for _, dir := range []string{"tmp", "log", "storage"} { // guides.rubyonrails.org, Getting Started
				at := path.Join(path.Dir(path.Dir(f.Path)), dir)
				is, err := isDir(ctx, env.Tree, at)
				if err != nil {
					return out, err
				}
				if is || dir != "storage" {
					out.Facts = append(out.Facts, need.Fact{Kind: need.State, Subject: at, Reason: "Rails writes there"})
				}
			}
		}
	}
	err := r.sources.Settle(ctx, env, s, r.own, r.uses, &out)
	return out, err
}

// uses turns what a source shows into needs. where is the source, for people.
func (r *Runtime) uses(ctx context.Context, env *need.Env, where, text string, out *need.Found) error {
	starts, required := language.Read(text)
	if err := source.Needs(ctx, env, where, starts, out); err != nil {
		return err
	}
	for _, m := range required {
		if err := r.wanted(ctx, env, m.Name, where, fmt.Sprintf("%s:%d requires %s", where, m.Line, m.Name), out); err != nil {
			return err
		}
	}
	for _, c := range language.Named(text, loads) {
		if c.Text == "" {
			continue
		}
		if err := r.load(ctx, env, where, fmt.Sprintf("%s:%d loads %s", where, c.Line, c.Text), c.Text, out); err != nil {
			return err
		}
	}
	return nil
}

// wanted asks for a module or gem that is otherwise left behind.
func (r *Runtime) wanted(ctx context.Context, env *need.Env, name, by, reason string, out *need.Found) error {
	top, _, _ := strings.Cut(name, "/")
	if top == "test" && strings.HasPrefix(name, "test/unit") {
		top = "test-unit"
	}
	for _, program := range slices.Sorted(maps.Keys(r.found)) {
		p := r.found[program]
		var patterns [][2]string
		for _, dir := range p.libraries {
			for _, n := range []string{top, top + ".rb"} {
				if libraryTable.Why(n) != "" {
					patterns = append(patterns, [2]string{dir, n})
				}
			}
		}
		if gemTable.Why("gems/"+top+"-1") != "" {
			for _, dir := range p.gems {
				patterns = append(patterns, [2]string{dir, "gems/" + top + "-[0-9]*"}, [2]string{dir, "specifications/" + top + "-[0-9]*"})
			}
		}
		for _, at := range patterns {
			names, err := installation.Glob(ctx, env.Tree, at[0], at[1])
			if err != nil {
				return err
			}
			for _, n := range names {
				files, err := installation.Files(ctx, env.Tree, n, by, reason, nil)
				if err != nil {
					return err
				}
				if len(files) == 0 {
					files = []need.Need{{Kind: need.Data, Path: n, By: by, Reason: reason, Strength: need.Expected}}
				}
				out.Needs = append(out.Needs, files...)
			}
		}
	}
	return nil
}

// dependency asks for what an installed gem is known to use.
func (r *Runtime) dependency(ctx context.Context, env *need.Env, name string, out *need.Found) error {
	d, ok := dependencies()[name]
	if !ok {
		return nil
	}
	by := "the gem " + name
	if d.zones {
		out.Facts = append(out.Facts, need.Fact{Kind: need.Zones, Reason: by + " reads time zones"})
	}
	for _, p := range d.programs {
		at, ok, err := env.LookPath(ctx, p)
		if err != nil {
			return err
		}
		if ok {
			out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: at, By: by, Reason: by + " starts it", Strength: need.Expected})
		}
	}
	for _, l := range d.libraries {
		if err := r.load(ctx, env, by, by+" loads "+l, l, out); err != nil {
			return err
		}
	}
	for _, c := range d.converters {
		if err := r.convert(ctx, env, by, c, out); err != nil {
			return err
		}
	}
	if d.shell {
		return source.RunShell(ctx, env, by, by, "", out)
	}
	return nil
}

// convert asks for a converter of a character set, which GNU's C library loads
// from a directory beside it.
func (r *Runtime) convert(ctx context.Context, env *need.Env, by, name string, out *need.Found) error {
	for _, program := range slices.Sorted(maps.Keys(r.found)) {
		finder, err := elf.NewFinder(ctx, env.Tree, program, elf.Options{LibraryPath: env.LibraryPath(), Files: r.elf})
		if err != nil {
			return err
		}
		libc, err := finder.Find("libc.so.6")
		if libc == "" || err != nil {
			return err
		}
		at := path.Join(path.Dir(libc), "gconv", name+".so")
		if _, ok, err := tree.FindFile(ctx, env.Tree, at); err != nil {
			return err
		} else if ok {
			out.Needs = append(out.Needs, need.Need{Kind: need.Module, Path: at, By: by, Reason: by + " asks iconv for " + name, Strength: need.Expected})
		}
	}
	return nil
}

// load asks for a library that the loader is given by name, as FFI completes
// it: by itself, with .so, with lib before.
func (r *Runtime) load(ctx context.Context, env *need.Env, by, reason, name string, out *need.Found) error {
	if path.IsAbs(name) {
		out.Needs = append(out.Needs, need.Need{Kind: need.Module, Path: path.Clean(name), By: by, Reason: reason, Strength: need.Optional})
		return nil
	}
	for _, program := range slices.Sorted(maps.Keys(r.found)) {
		finder, err := elf.NewFinder(ctx, env.Tree, program, elf.Options{LibraryPath: env.LibraryPath(), Preload: env.Preload(), Files: r.elf})
		if err != nil {
			return err
		}
		for _, try := range []string{name, name + ".so", "lib" + name, "lib" + name + ".so"} {
			at, err := finder.Find(try)
			if err != nil {
				return err
			}
			if at != "" {
				out.Needs = append(out.Needs, need.Need{Kind: need.Module, Path: at, By: by, Reason: reason, Strength: need.Expected})
				break
			}
		}
	}
	return nil
}
