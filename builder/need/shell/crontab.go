package shell

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// schedulers start what tables of theirs name (cron(8), crond(8) of cronie and
// busybox, supercronic's README; read in 2026).
var schedulers = []string{"cron", "crond", "fcron", "bcron-start", "supercronic"}

// Directories of tables: those whose lines name the user behind the times, and
// those whose do not (crontab(5)); and those whose files are programs that the
// system's table starts.
var (
	systemTables = []string{"/etc/cron.d"}
	userTables   = []string{"/var/spool/cron", "/var/spool/cron/crontabs", "/etc/crontabs", "/var/spool/cron/tabs"}
	periodic     = []string{"/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/periodic/15min", "/etc/periodic/hourly", "/etc/periodic/daily", "/etc/periodic/weekly", "/etc/periodic/monthly"}
)

const (
	systemTable = "/etc/crontab"
	maxTable    = 64 << 10 // bytes
	maxJobs     = 1000     // lines of one table
)

// A table is a file of jobs.
type table struct {
	path  string
	users bool // its lines name users
}

// jobs asks for what the tables of the Dockerfile start, where the image has a
// scheduler: a shell, and the commands of each line.
func (p *Provider) jobs(ctx context.Context, env *need.Env, s *need.Set, out *need.Found) error {
	if !started(env, s, schedulers...) {
		return nil
	}
	var tables []table
	for _, f := range s.Files() {
		if !f.Kept || !f.Entry.IsRegular() {
			continue
		}
		switch dir := path.Dir(f.Path); {
		case f.Path == systemTable || slices.Contains(systemTables, dir):
			tables = append(tables, table{f.Path, true})
		case slices.Contains(userTables, dir):
			tables = append(tables, table{f.Path, false})
		case slices.Contains(periodic, dir) && f.Entry.Mode&0o111 != 0:
			if err := p.periodically(ctx, env, f, out); err != nil {
				return err
			}
		}
	}
	for _, line := range env.Lines {
		if len(line) == 0 || path.Base(line[0]) != "supercronic" {
			continue
		}
		for _, a := range line[1:] {
			if !strings.HasPrefix(a, "-") {
				tables = append(tables, table{env.Abs(a), false})
			}
		}
	}
	for _, t := range tables {
		if err := p.table(ctx, env, t, out); err != nil {
			return err
		}
	}
	return nil
}

// started reports whether the image starts a program of one of these names.
func started(env *need.Env, s *need.Set, names ...string) bool {
	is := func(name string) bool { return slices.Contains(names, path.Base(name)) }
	return slices.ContainsFunc(env.Lines, func(line []string) bool { return slices.ContainsFunc(line, is) }) ||
		slices.ContainsFunc(s.Files(), func(f *need.File) bool { return f.Program && is(f.Path) })
}

// periodically asks for a program that the system's table starts by the name
// of its directory, and for what does so.
func (p *Provider) periodically(ctx context.Context, env *need.Env, f *need.File, out *need.Found) error {
	out.Needs = append(out.Needs,
		need.Need{Kind: need.Program, Path: f.Path, By: f.Path, Reason: f.Reason, Strength: need.Optional, Droppable: f.Droppable},
		need.Need{Kind: need.Config, Path: systemTable, By: f.Path, Reason: "starts " + f.Path, Strength: need.Optional},
		need.Need{Kind: need.Program, Path: "/bin/sh", By: f.Path, Reason: "shell of what starts " + f.Path, Strength: need.Expected, Shell: true})
	at, ok, err := env.LookPath(ctx, "run-parts")
	if ok {
		out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: at, By: f.Path, Reason: "starts " + f.Path, Strength: need.Expected, Shell: true})
	}
	return err
}

// setting matches a line of a table that sets a variable.
var setting = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^["']?([A-Za-z_][A-Za-z0-9_]*)["']?[ \t]*=[ \t]*(.*)$`)
})

// table asks for what one table starts.
func (p *Provider) table(ctx context.Context, env *need.Env, t table, out *need.Found) error {
	res, ok, err := tree.Find(ctx, env.Tree, t.path)
	if err != nil || !ok || !res.Entry.IsRegular() || res.Entry.Size > maxTable {
		return err
	}
	data, err := tree.ReadFile(ctx, env.Tree, res.Path, maxTable)
	if err != nil {
		return fmt.Errorf("reading the table of jobs %s: %w", t.path, err)
	}
	shell, n := "/bin/sh", 0
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if set := setting().FindStringSubmatch(line); set != nil {
			if value := strings.Trim(set[2], `"' `); set[1] == "SHELL" && path.IsAbs(value) {
				shell = value
			}
			continue
		}
		job := jobOf(line, t.users)
		if n++; job == "" || n > maxJobs {
			continue
		}
		found, _, err := p.commands(ctx, env, t.path, shell, []byte(job+"\n"))
		if err != nil {
			return err
		}
		out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: shell, By: t.path, Reason: "shell of the jobs of " + t.path, Strength: need.Expected, Shell: true})
		for _, f := range found.Needs {
			f.Shell = true
			out.Needs = append(out.Needs, f)
		}
		out.Facts = append(out.Facts, found.Facts...)
		out.Warnings = append(out.Warnings, found.Warnings...)
	}
	return nil
}

// jobOf gives what a line of a table starts, "" for none: the rest behind the
// times and the user, to the first % that no backslash precedes, behind which
// the input of the command is.
func jobOf(line string, users bool) string {
	times := 5
	if strings.HasPrefix(line, "@") {
		times = 1
	}
	if users {
		times++
	}
	if line == "" || line[0] == '#' {
		return ""
	}
	for range times {
		i := strings.IndexAny(line, " \t")
		if i < 0 {
			return ""
		}
		line = strings.TrimLeft(line[i:], " \t")
	}
	var b strings.Builder
	for i := 0; i < len(line) && line[i] != '%'; i++ {
		if line[i] == '\\' && i+1 < len(line) && line[i+1] == '%' {
			i++
		}
		b.WriteByte(line[i])
	}
	return b.String()
}
