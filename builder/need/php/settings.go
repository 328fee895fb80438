package php

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Limits on what is read of settings.
const (
	maxSettings = 1 << 20 // bytes of one file
	maxFiles    = 500     // files
	maxLines    = 20000   // settings in all
)

// A setting is one line of a file of settings or of the command line.
type setting struct {
	key, value string
	where      string // FILE:LINE, or the instruction
}

// settings are what one PHP is told.
type settings struct {
	files      []string // that are read, in order
	values     map[string]setting
	extensions []setting // extension= and zend_extension=, in order
	lines      int
}

func (s *settings) add(x setting) {
	if s.lines++; s.lines > maxLines {
		return
	}
	switch x.key {
	case "extension", "zend_extension", "zend_extension_ts":
		if x.value != "" {
			s.extensions = append(s.extensions, x)
		}
	default:
		s.values[x.key] = x
	}
}

// get gives the value of a setting, "" when it is not set.
func (s *settings) get(key string) string { return s.values[key].value }

// settings reads what a PHP is told, in the order in which it reads it: one
// php.ini, where the program's own name comes first (php_ini.c,
// php_init_config), the files of the directories that are looked through in the
// order of their names, and -d.
func (p *place) settings(ctx context.Context, env *need.Env, o options) (*settings, error) {
	s := &settings{values: map[string]setting{}}
	if !o.none {
		if err := p.iniFile(ctx, env, o, s); err != nil {
			return nil, err
		}
		for _, dir := range p.scanned(env) {
			if err := scanFiles(ctx, env.Tree, dir, s); err != nil {
				return nil, err
			}
		}
	}
	for _, d := range o.defines {
		key, value, _ := strings.Cut(d, "=")
		s.add(setting{strings.TrimSpace(key), unquote(value), "-d"})
	}
	return s, nil
}

// iniFile reads the first php.ini.
func (p *place) iniFile(ctx context.Context, env *need.Env, o options, s *settings) error {
	var names []string
	dirs := []string{p.settingsIn}
	if rc, _ := env.Getenv("PHPRC"); rc != "" {
		dirs = append([]string{env.Abs(rc)}, dirs...)
	}
	if o.ini != "" {
		at := env.Abs(o.ini)
		is, err := isDir(ctx, env.Tree, at)
		if err != nil {
			return err
		}
		if is {
			dirs = []string{at}
		} else {
			names = append(names, at)
		}
	}
	for _, dir := range dirs {
		if dir != "" {
			names = append(names, path.Join(dir, "php-"+p.server+".ini"), path.Join(dir, "php.ini"))
		}
	}
	for _, name := range names {
		ok, err := readSettings(ctx, env.Tree, name, s)
		if ok || err != nil {
			return err
		}
	}
	return nil
}

// scanned lists the directories whose files are read. An empty element of
// PHP_INI_SCAN_DIR is the one that is compiled in.
func (p *place) scanned(env *need.Env) []string {
	value, ok := env.Getenv("PHP_INI_SCAN_DIR")
	if !ok {
		return []string{p.scan}
	}
	var out []string
	for dir := range strings.SplitSeq(value, ":") {
		if dir == "" {
			dir = p.scan
		}
		out = append(out, dir)
	}
	return out
}

func scanFiles(ctx context.Context, t tree.Tree, dir string, s *settings) error {
	if dir == "" {
		return nil
	}
	res, ok, err := tree.Find(ctx, t, dir)
	if err != nil || !ok || !res.Entry.IsDir() {
		return err
	}
	entries, err := t.ReadDir(ctx, res.Path)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name, ".ini") && !e.IsDir() {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), maxFiles)] {
		if _, err := readSettings(ctx, t, path.Join(dir, name), s); err != nil {
			return err
		}
	}
	return nil
}

// readSettings reads one file. ok is false when there is none.
func readSettings(ctx context.Context, t tree.Tree, name string, s *settings) (ok bool, err error) {
	_, ok, err = tree.FindFile(ctx, t, name)
	if err != nil || !ok || len(s.files) >= maxFiles {
		return ok, err
	}
	text, err := tree.ReadOptional(ctx, t, name, maxSettings)
	if err != nil {
		return false, err
	}
	s.files = append(s.files, name)
	for _, x := range parseSettings(string(text), name) {
		s.add(x)
	}
	return true, nil
}

// parseSettings reads the text of a file: "key = value", comments from ";" on,
// sections in brackets (parse_ini_file). Where is its name. Sections for one
// host or path count as the rest, since what they name may be read.
func parseSettings(text, where string) []setting {
	var out []setting
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' || line[0] == '#' || line[0] == '[' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		out = append(out, setting{strings.TrimSpace(key), unquote(value), fmt.Sprintf("%s:%d", where, n)})
	}
	return out
}

// unquote takes quotes and a comment off a value.
func unquote(value string) string {
	value = strings.TrimSpace(value)
	if value == "" {
		return ""
	}
	if q := value[0]; q == '"' || q == '\'' {
		if i := strings.IndexByte(value[1:], q); i >= 0 {
			return value[1 : 1+i]
		}
		return value[1:]
	}
	value, _, _ = strings.Cut(value, ";")
	return strings.TrimSpace(value)
}

// find looks for an extension as PHP does: a path as it is, a name in the
// directory of extensions, by itself and with .so (ext/standard/dl.c).
func (p *place) find(ctx context.Context, t tree.Tree, s *settings, x setting) (string, error) {
	dir := p.extensions
	if d := s.get("extension_dir"); path.IsAbs(d) {
		dir = d
	}
	tries := []string{x.value}
	if !path.IsAbs(x.value) {
		if dir == "" {
			return "", nil
		}
		tries = []string{path.Join(dir, x.value), path.Join(dir, x.value+".so")}
	}
	for _, name := range tries {
		res, ok, err := tree.FindFile(ctx, t, name)
		if ok || err != nil {
			return res.Path, err
		}
	}
	return "", nil
}

// extension asks for one that settings enable. PHP warns of one that is not
// there and starts without it.
func (p *place) extension(ctx context.Context, env *need.Env, s *settings, x setting, out *need.Found) error {
	if strings.Contains(x.value, "${") {
		warn(out, "", fmt.Sprintf("%s enables an extension by a variable, %s, so it is not known which", x.where, x.value), "include: it")
		return nil
	}
	at, err := p.find(ctx, env.Tree, s, x)
	if err != nil {
		return err
	}
	if at == "" {
		dir := p.extensions
		if d := s.get("extension_dir"); d != "" {
			dir = d
		}
		if dir == "" {
			dir = "the directory of extensions"
		}
		warn(out, "", fmt.Sprintf("%s enables the extension %s, which is not in %s: PHP starts without it and warns each time", x.where, x.value, dir), "install it in the final stage for this PHP, or take the line out")
		return nil
	}
	by, _, _ := strings.Cut(x.where, ":")
	if !path.IsAbs(by) {
		by = p.program
	}
	out.Needs = append(out.Needs, need.Need{Kind: need.Module, Path: at, By: by, Reason: "extension of PHP that " + x.where + " enables", Strength: need.Expected})
	return nil
}

// Settings that name files and directories (php.net/manual/ini.list).
var (
	namesFile = []string{"auto_prepend_file", "auto_append_file", "opcache.preload", "browscap", "curl.cainfo", "openssl.cafile", "ffi.preload", "opcache.blacklist_filename", "newrelic.license"}
	namesDir  = []string{"openssl.capath"}
	writesDir = []string{"session.save_path", "upload_tmp_dir", "sys_temp_dir", "opcache.file_cache", "soap.wsdl_cache_dir", "uploadprogress.file.filename_template", "xdebug.output_dir"}
	writes    = []string{"error_log", "opcache.error_log", "mail.log", "opcache.lockfile_path"}
)

// named asks for what settings name.
func (p *place) named(ctx context.Context, env *need.Env, s *settings, out *need.Found) error {
	for _, key := range namesFile {
		x, ok := s.values[key]
		if !ok || x.value == "" || x.value == "none" || strings.Contains(x.value, "${") {
			continue
		}
		at := env.Abs(x.value)
		_, there, err := tree.FindFile(ctx, env.Tree, at)
		if err != nil {
			return err
		}
		switch {
		case there:
			out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: at, By: p.program, Reason: key + " of " + x.where, Strength: need.Expected})
		case path.IsAbs(x.value) && slices.Contains([]string{"auto_prepend_file", "auto_append_file", "opcache.preload"}, key):
			warn(out, "", fmt.Sprintf("%s has %s name %s, which is not in the built image: PHP runs nothing without it", x.where, key, x.value), "copy it in the final stage, or mount it")
		}
	}
	for _, key := range namesDir {
		x := s.values[key]
		if !path.IsAbs(x.value) {
			continue
		}
		files, err := installation.Files(ctx, env.Tree, x.value, p.program, key+" of "+x.where, nil)
		if err != nil {
			return err
		}
		out.Needs = append(out.Needs, files...)
	}
	for _, key := range writesDir {
		x := s.values[key]
		dir := x.value
		if i := strings.LastIndex(dir, ";"); i >= 0 { // "N;MODE;/path"
			dir = dir[i+1:]
		}
		writable(out, key, x, dir)
	}
	if s.get("session.save_path") == "" { // the default of Debian
		const sessions = "/var/lib/php/sessions"
		is, err := isDir(ctx, env.Tree, sessions)
		if err != nil {
			return err
		}
		if is {
			out.Facts = append(out.Facts, need.Fact{Kind: need.State, Subject: sessions, Reason: "PHP keeps sessions there"})
		}
	}
	for _, key := range writes {
		x := s.values[key]
		if path.IsAbs(x.value) {
			writable(out, key, x, path.Dir(x.value))
		}
	}
	return nil
}

// writable notes a directory that a setting has PHP write to.
func writable(out *need.Found, key string, x setting, dir string) {
	if !path.IsAbs(dir) || strings.Contains(dir, "${") || slices.ContainsFunc([]string{"/dev", "/proc", "/tmp"}, func(d string) bool { return need.Below(dir, d) }) || path.Clean(dir) == "/" {
		return
	}
	out.Facts = append(out.Facts, need.Fact{Kind: need.State, Subject: path.Clean(dir), Reason: key + " of " + x.where + " names it"})
}
