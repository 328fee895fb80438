package php

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A pool is one section of the configuration of PHP-FPM, by its keys.
type pool map[string]setting

// A manager is the configuration of PHP-FPM: the files of it, the section
// global, the pools in order.
type manager struct {
	files []string
	pools []string
	of    map[string]pool
}

// maxIncluded is how many files a configuration may read in.
const maxIncluded = 200

// manager asks for what PHP-FPM reads and writes. Without a configuration and a
// pool it does not start (sapi/fpm/fpm/fpm_conf.c).
func (r *Runtime) manager(ctx context.Context, env *need.Env, c need.Command, p *place, o options, out *need.Found) error {
	conf := p.conf
	if o.conf != "" {
		conf = env.Abs(o.conf)
	}
	prefix := p.prefix
	if o.prefix != "" {
		prefix = env.Abs(o.prefix)
	}
	refused := func(message, hint string) error {
		return &image.RefusedError{Instruction: c.Instruction, Message: message, Hint: hint}
	}
	if conf == "" {
		return refused(fmt.Sprintf("%s starts %s, and its configuration php-fpm.conf is not in the built image", c.Instruction, c.Argv[0]), "install or copy it in the final stage, or name it with --fpm-config")
	}
	if _, ok, err := tree.FindFile(ctx, env.Tree, conf); err != nil {
		return err
	} else if !ok {
		return refused(fmt.Sprintf("%s has PHP-FPM read %s, which is not in the built image", c.Instruction, conf), "copy it in the final stage, or correct --fpm-config")
	}
	m := &manager{of: map[string]pool{}}
	if err := m.read(ctx, env.Tree, conf, prefix, "global"); err != nil {
		return err
	}
	for _, name := range m.files {
		out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: name, By: c.Instruction, Reason: "configuration of PHP-FPM", Strength: need.Expected})
	}
	if len(m.pools) == 0 {
		return refused(fmt.Sprintf("%s has no pool, so PHP-FPM does not start", conf), "copy one in the final stage, or correct include=")
	}
	m.writes(m.of["global"], prefix, []string{"pid", "error_log"}, out)
	for _, name := range m.pools {
		at := m.of[name]
		m.writes(at, prefix, []string{"access.log", "slowlog", "php_admin_value[error_log]", "php_value[error_log]"}, out)
		if err := m.socket(at, c.Instruction, out); err != nil {
			return err
		}
		for key, x := range at {
			if strings.HasSuffix(key, "_value[extension]") {
				if err := p.extension(ctx, env, &settings{values: map[string]setting{}}, x, out); err != nil {
					return err
				}
			}
			for _, dir := range []string{"session.save_path", "upload_tmp_dir", "soap.wsdl_cache_dir", "sys_temp_dir"} {
				if strings.HasSuffix(key, "_value["+dir+"]") {
					writable(out, dir, x, x.value)
				}
			}
		}
	}
	return nil
}

// socket says what it takes to listen on a socket in the file system: a
// directory that can be written to, and root where it is given to somebody.
func (m *manager) socket(at pool, instruction string, out *need.Found) error {
	listen := at["listen"]
	if !path.IsAbs(listen.value) {
		return nil
	}
	writable(out, "listen", listen, path.Dir(listen.value))
	for _, key := range []string{"listen.owner", "listen.group"} {
		if x := at[key]; x.value != "" {
			out.Facts = append(out.Facts, need.Fact{Kind: need.Root, Reason: fmt.Sprintf("PHP-FPM gives its socket %s to %s (%s), which only root may; \"listen = 9000\" needs no root", listen.value, x.value, x.where)})
			break
		}
	}
	return nil
}

// writes notes the directories of files that PHP-FPM writes.
func (m *manager) writes(at pool, prefix string, keys []string, out *need.Found) {
	for _, key := range keys {
		x := at[key]
		if x.value == "" || x.value == "syslog" || strings.Contains(x.value, "$") {
			continue
		}
		name := x.value
		if !path.IsAbs(name) {
			name = path.Join(prefix, "var", name)
			if prefix == "/usr" {
				name = path.Join("/var", x.value)
			}
		}
		writable(out, key, x, path.Dir(name))
	}
}

// read reads a file, and those that it includes, in the section that it begins
// in.
func (m *manager) read(ctx context.Context, t tree.Tree, name, prefix, section string) error {
	if len(m.files) >= maxIncluded {
		return nil
	}
	text, err := tree.ReadOptional(ctx, t, name, maxSettings)
	if err != nil {
		return err
	}
	for _, f := range m.files {
		if f == name {
			return nil // it includes itself
		}
	}
	m.files = append(m.files, name)
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if s, ok := strings.CutPrefix(line, "["); ok {
			if s, _, ok = strings.Cut(s, "]"); ok {
				section = s
				m.section(section)
			}
			continue
		}
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		key, value = strings.TrimSpace(key), unquote(value)
		if key != "include" {
			m.section(section)[key] = setting{key, strings.ReplaceAll(value, "$pool", section), name + ":" + strconv.Itoa(n)}
			continue
		}
		if !path.IsAbs(value) {
			value = path.Join(prefix, value)
		}
		names, err := installation.Glob(ctx, t, "/", strings.TrimPrefix(path.Clean(value), "/"))
		if err != nil {
			return err
		}
		for _, included := range names {
			if err := m.read(ctx, t, included, prefix, section); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *manager) section(name string) pool {
	if m.of[name] == nil {
		m.of[name] = pool{}
		if name != "global" {
			m.pools = append(m.pools, name)
		}
	}
	return m.of[name]
}
