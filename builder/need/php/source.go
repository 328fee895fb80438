package php

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/need/source"
	"github.com/whittle-oci/whittle/builder/tree"
)

// language is how sources of PHP are read (php.net/manual/ref.exec): whatever
// takes a text hands it to /bin/sh, and gives false where there is none.
var language = source.Language{
	Dialect: source.Dialect{Comments: []string{"//", "#"}, Block: [2]string{"/*", "*/"}, Within: "<?", Interpolation: "${", Heredoc: "<<<"},
	Calls: map[string]source.How{
		"exec": source.ByShell, "shell_exec": source.ByShell, "system": source.ByShell, "passthru": source.ByShell, "popen": source.ByShell,
		"proc_open": source.ListOrShell, "pcntl_exec": source.Program, "mail": mails, "mb_send_mail": mails, "dl": loads, "iconv": converts, "iconv_strlen": converts, "iconv_substr": converts, "iconv_mime_decode": converts,
		"Process.fromShellCommandline": source.ByShell,
	},
	Loads: []string{"require", "require_once"},
}

// What functions do besides starting something.
const (
	mails source.How = 100 + iota
	loads
	converts
)

// others are directories whose files an application does not run when it works.
var others = []string{"vendor", "node_modules", "tests", "test", "Tests", "docs", "stubs", "doc"}

// own reports whether a file is one of the application's own sources.
func (r *Runtime) own(f *need.File) bool {
	if !f.Entry.IsRegular() || f.Entry.Size > source.MaxFile || f.Entry.Size == 0 {
		return false
	}
	if _, ok := r.mains[f.Path]; ok {
		return true
	}
	if !slices.Contains([]string{".php", ".phtml", ".inc", ".php5"}, path.Ext(f.Path)) {
		return false
	}
	for _, dir := range []string{"/usr/share/", "/usr/lib/", "/usr/local/lib/", "/etc/", "/var/lib/php"} {
		if strings.HasPrefix(f.Path, dir) {
			return false
		}
	}
	return !slices.ContainsFunc(strings.Split(f.Path, "/"), func(part string) bool { return slices.Contains(others, part) })
}

// Settle implements need.Settler: what the application's own sources use, and
// the packages of Composer.
func (r *Runtime) Settle(ctx context.Context, env *need.Env, s *need.Set) (need.Found, error) {
	var out need.Found
	if len(r.found) == 0 {
		return out, nil
	}
	for _, f := range s.Files() {
		switch {
		case strings.HasSuffix(f.Path, "/composer/installed.json") && f.Entry.IsRegular():
			if err := r.composer(ctx, env, f.Path, &out); err != nil {
				return out, err
			}
		case path.Base(f.Path) == "artisan" && f.Entry.IsRegular():
			if err := laravel(ctx, env, path.Dir(f.Path), &out); err != nil {
				return out, err
			}
		case strings.HasSuffix(f.Path, "/bin/console") && f.Entry.IsRegular():
			if err := symfony(ctx, env, path.Dir(path.Dir(f.Path)), &out); err != nil {
				return out, err
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
	for _, c := range language.Named(text, mails, loads, converts) {
		at := fmt.Sprintf("%s:%d", where, c.Line)
		var err error
		switch c.How {
		case mails:
			err = r.mail(ctx, env, where, at, out)
		case loads:
			err = r.load(ctx, env, at, c.Text, out)
		case converts:
			err = r.convert(ctx, env, at, out)
		}
		if err != nil {
			return err
		}
	}
	if _, main := r.mains[where]; main {
		for _, m := range required {
			if !strings.HasSuffix(m.Name, "vendor/autoload.php") || path.IsAbs(m.Name) && !strings.HasPrefix(m.Name, "/vendor") && !strings.HasPrefix(m.Name, "/..") {
				continue
			}
			at := path.Join(path.Dir(where), m.Name)
			if _, ok, err := tree.FindFile(ctx, env.Tree, at); err != nil {
				return err
			} else if !ok {
				warn(out, "", fmt.Sprintf("%s:%d requires %s, which is not in the built image", where, m.Line, at), "run composer install in the final stage, or copy vendor from the stage that did")
			}
		}
	}
	return nil
}

// mail asks for what mail() starts: sendmail_path, by a shell.
func (r *Runtime) mail(ctx context.Context, env *need.Env, by, at string, out *need.Found) error {
	program := "/usr/sbin/sendmail -t -i"
	for _, p := range r.places() {
		s, err := p.settings(ctx, env, options{})
		if err != nil {
			return err
		}
		if v := s.get("sendmail_path"); v != "" {
			program = v
		}
	}
	first, _, _ := strings.Cut(program, " ")
	if _, ok, err := env.LookPath(ctx, first); err != nil {
		return err
	} else if !ok {
		warn(out, "", fmt.Sprintf("%s sends mail by %s, which is not in the built image", at, first), "install one and set sendmail_path, or send by SMTP")
		return nil
	}
	return source.RunShell(ctx, env, by, at, program, out)
}

// places are the installations of the image, in the order of their paths.
func (r *Runtime) places() []*place {
	var out []*place
	for _, p := range r.found {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *place) int { return strings.Compare(a.program, b.program) })
	return out
}

// load asks for an extension that a source loads.
func (r *Runtime) load(ctx context.Context, env *need.Env, at, name string, out *need.Found) error {
	if name == "" {
		warn(out, "", at+" loads an extension by a computed name", "include: it")
		return nil
	}
	for _, p := range r.places() {
		s, err := p.settings(ctx, env, options{})
		if err != nil {
			return err
		}
		if err := p.extension(ctx, env, s, setting{"extension", name, at}, out); err != nil {
			return err
		}
	}
	return nil
}

// convert asks for the C library's converters of character sets, of which the
// names that a source has say only some.
func (r *Runtime) convert(ctx context.Context, env *need.Env, at string, out *need.Found) error {
	for _, p := range r.places() {
		finder, err := elf.NewFinder(ctx, env.Tree, p.program, elf.Options{LibraryPath: env.LibraryPath(), Files: r.elf})
		if err != nil {
			return err
		}
		libc, err := finder.Find("libc.so.6")
		if err != nil {
			return err
		}
		if libc == "" {
			continue
		}
		files, err := installation.Files(ctx, env.Tree, path.Join(path.Dir(libc), "gconv"), at, "converters of character sets, for iconv in "+at, nil)
		if err != nil {
			return err
		}
		out.Needs = append(out.Needs, files...)
	}
	return nil
}

// A composed package is one that Composer installed.
type composed struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// maxList is the largest list of installed packages that is read, in bytes.
const maxList = 32 << 20

// A dependency is what an installed package is known to use.
type dependency struct {
	name     string
	shell    bool
	programs []string
	source   string
}

// dependencies are known by their names (their documentation; 2026-11).
var dependencies = []dependency{
	{name: "symfony/process", shell: true, source: "symfony.com/doc, Process: commands are prefixed by exec and handed to /bin/sh"},
	{name: "knplabs/knp-snappy", shell: true, programs: []string{"wkhtmltopdf", "wkhtmltoimage"}, source: "github.com/KnpLabs/snappy"},
	{name: "mikehaertl/phpwkhtmltopdf", shell: true, programs: []string{"wkhtmltopdf"}, source: "github.com/mikehaertl/phpwkhtmltopdf"},
	{name: "mikehaertl/php-shellcommand", shell: true, source: "github.com/mikehaertl/php-shellcommand"},
	{name: "spatie/pdf-to-text", programs: []string{"pdftotext"}, source: "github.com/spatie/pdf-to-text"},
	{name: "spatie/image-optimizer", programs: []string{"jpegoptim", "optipng", "pngquant", "gifsicle", "cwebp"}, source: "github.com/spatie/image-optimizer"},
	{name: "spatie/browsershot", programs: []string{"node"}, source: "spatie.be/docs/browsershot"},
	{name: "spatie/db-dumper", programs: []string{"mysqldump", "pg_dump", "sqlite3", "mongodump"}, source: "github.com/spatie/db-dumper"},
	{name: "php-ffmpeg/php-ffmpeg", programs: []string{"ffmpeg", "ffprobe"}, source: "github.com/PHP-FFMpeg/PHP-FFMpeg"},
	{name: "thiagoalessio/tesseract_ocr", shell: true, programs: []string{"tesseract"}, source: "github.com/thiagoalessio/tesseract-ocr-for-php"},
	{name: "czproject/git-php", shell: true, programs: []string{"git"}, source: "github.com/czproject/git-php"},
}

// Dependencies prints what packages are known to use, for the manual.
func Dependencies() string {
	var b strings.Builder
	b.WriteString("| package | uses | source |\n| --- | --- | --- |\n")
	for _, d := range dependencies {
		var uses []string
		if d.shell {
			uses = append(uses, "a shell")
		}
		if len(d.programs) > 0 {
			uses = append(uses, "`"+strings.Join(d.programs, "`, `")+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.name, strings.Join(uses, ", "), d.source)
	}
	return b.String()
}

// composer reads the list of installed packages: Composer 2 has an object with
// packages, Composer 1 has the packages alone.
func (r *Runtime) composer(ctx context.Context, env *need.Env, name string, out *need.Found) error {
	all, ok := r.installed[name]
	if !ok {
		text, err := tree.ReadOptional(ctx, env.Tree, name, maxList)
		if err != nil {
			return err
		}
		var list struct {
			Packages []composed `json:"packages"`
		}
		if json.Unmarshal(text, &list) != nil && json.Unmarshal(text, &list.Packages) != nil {
			list.Packages = nil
		}
		all = list.Packages
		r.installed[name] = all
	}
	for _, c := range all {
		if c.Name == "" || strings.Count(c.Name, "/") != 1 {
			continue
		}
		out.Components = append(out.Components, image.Component{Type: "composer", Name: c.Name, Version: c.Version, Program: name})
		i := slices.IndexFunc(dependencies, func(d dependency) bool { return d.name == c.Name })
		if i < 0 {
			continue
		}
		by := "the package " + c.Name
		for _, p := range dependencies[i].programs {
			at, ok, err := env.LookPath(ctx, p)
			if err != nil {
				return err
			}
			if ok {
				out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: at, By: by, Reason: by + " starts it", Strength: need.Expected})
			}
		}
		if dependencies[i].shell {
			if err := source.RunShell(ctx, env, by, by, "", out); err != nil {
				return err
			}
		}
	}
	return nil
}

// laravel notes what an application of Laravel writes to
// (laravel.com/docs/deployment).
func laravel(ctx context.Context, env *need.Env, root string, out *need.Found) error {
	return state(ctx, env, "Laravel", out, path.Join(root, "storage"), path.Join(root, "bootstrap/cache"))
}

// symfony notes what an application of Symfony writes to (symfony.com/doc,
// Override the Cache and Log Directories).
func symfony(ctx context.Context, env *need.Env, root string, out *need.Found) error {
	for _, name := range []string{"config/bundles.php", "src/Kernel.php", "symfony.lock"} {
		_, ok, err := tree.FindFile(ctx, env.Tree, path.Join(root, name))
		if err != nil {
			return err
		}
		if ok {
			return state(ctx, env, "Symfony", out, path.Join(root, "var"))
		}
	}
	return nil
}

func state(ctx context.Context, env *need.Env, who string, out *need.Found, dirs ...string) error {
	for _, dir := range dirs {
		is, err := isDir(ctx, env.Tree, dir)
		if err != nil {
			return err
		}
		if is {
			out.Facts = append(out.Facts, need.Fact{Kind: need.State, Subject: dir, Reason: who + " writes there"})
		}
	}
	return nil
}
