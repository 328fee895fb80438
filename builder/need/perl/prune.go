package perl

import (
	"context"
	"maps"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/need/source"
)

// table is what stays behind of a directory of modules, unless a source of the
// application uses it. Bytes are of Debian's perl 5.36.
var table = installation.Table{
	{Path: "CORE/*.h", Bytes: 8_200_000, Why: "is what extensions are compiled with", Source: "perlxs"},
	{Path: "CORE/*.a", Why: "is a static library", Source: "perlembed"},
	{Path: "*/CORE/*.h", Why: "is what extensions are compiled with", Source: "perlxs"},
	{Path: "CPAN", Bytes: 1_000_000, Why: "only installs modules", Source: "CPAN.pm"},
	{Path: "CPAN.pm", Bytes: 140_000, Why: "only installs modules", Source: "CPAN.pm"},
	{Path: "Debconf", Bytes: 400_000, Why: "only installs packages", Source: "debconf(7)"},
	{Path: "Debian", Why: "only installs packages", Source: "debhelper(7), ucf(1)"},
	{Path: "Dpkg", Why: "only makes packages", Source: "dpkg-dev"},
}

// prefixTable is what stays behind below the prefix of an installation outside
// of packages.
var prefixTable = installation.Table{
	{Path: "bin/cpan*", Why: "only installs modules", Source: "cpan(1)"},
	{Path: "bin/perldoc", Why: "shows documentation", Source: "perldoc(1)"},
	{Path: "bin/perlbug", Why: "reports faults", Source: "perlbug(1)"},
	{Path: "bin/perlthanks", Why: "reports faults", Source: "perlbug(1)"},
	{Path: "bin/h2xs", Why: "is for development", Source: "h2xs(1)"},
	{Path: "bin/xsubpp", Why: "compiles extensions", Source: "xsubpp(1)"},
	{Path: "share/man", Why: "is documentation", Source: "hier(7)"},
	{Path: "man", Why: "is documentation", Source: "hier(7)"},
}

// kept is what looks as if it could go and cannot.
var kept = installation.Table{
	{Path: "unicore, Unicode", Why: "are loaded when a text or an expression asks for them", Source: "perlunicode"},
	{Path: "Config_heavy.pl", Why: "is loaded by Config when a key asks for it", Source: "Config"},
	{Path: "pod/perldiag.pod", Why: "diagnostics reads it", Source: "diagnostics"},
	{Path: "ExtUtils, Module", Why: "some modules compile when they are loaded, and others ask which are installed", Source: "Inline::C, Module::Load"},
	{Path: "*.pod", Why: "programs print their own manual by Pod::Usage", Source: "Pod::Usage"},
}

// Table prints what is pruned and what is not, for the manual.
func Table() string {
	var b strings.Builder
	b.WriteString("| left behind | bytes | it | source |\n| --- | --- | --- | --- |\n")
	b.WriteString(table.Markdown("@INC/") + prefixTable.Markdown(""))
	b.WriteString("\n| stays, although it looks as if it could go | | because | source |\n| --- | --- | --- | --- |\n")
	b.WriteString(kept.Markdown(""))
	return b.String()
}

// Prunes implements need.Pruner.
func (r *Runtime) Prunes(ctx context.Context, env *need.Env, programs []string) (map[string]string, error) {
	out := map[string]string{}
	candidates, err := source.Interpreters(ctx, env, programs, IsProgram)
	if err != nil {
		return nil, err
	}
	for _, name := range candidates {
		p, err := r.place(ctx, env, name)
		if err != nil {
			return nil, err
		}
		if p == nil || p.prefix == "/usr" { // what lies there belongs to packages
			continue
		}
		have, err := prefixTable.Present(ctx, env.Tree, p.prefix)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, have)
		for _, dir := range p.inc {
			have, err := table.Present(ctx, env.Tree, dir)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, have)
		}
	}
	return out, nil
}
