//go:build linux

package e2e

import "testing"

var perlApps = []interpretedApp{
	{
		name: "perl-script", want: `\{"rows":2,"sum":3\}\nGRÜN\n\[1\]\njq-1\.6`, argv: []string{"./report.pl", "--rows=2"},
		gone: []string{"/usr/bin/env", "/usr/bin/cpan", "/usr/share/perl5/Debconf"}, warns: []string{"/opt/report/report.pl runs commands by a shell, first in line 21"}, ci: true,
	},
}

// TestPerl builds applications of Perl as [TestNode] does those of Node.js.
func TestPerl(t *testing.T) {
	for _, a := range perlApps {
		t.Run(a.name, func(t *testing.T) {
			a.due(t)
			a.test(t)
		})
	}
}
