//go:build linux

package e2e

import "testing"

// rubyGone is what no image of Ruby needs that runs no command line.
var rubyGone = []string{"/bin/sh", "/usr/bin/env", "/usr/bin/perl", "/usr/bin/gem", "/usr/lib/ruby/3.1.0/rdoc", "/usr/lib/ruby/gems/3.1.0/gems/rbs-2.1.0"}

var rubyApps = []interpretedApp{
	{
		name: "ruby-sinatra", probe: `curl -sf -m 10 http://127.0.0.1:4567/ "http://127.0.0.1:4567/page?name=J"`, want: `"yaml":\{"a":\[1,2\]\},"digest":"2d711642","home":true\}<h1>hello J</h1>`,
		argv: []string{"puma", "-b", "tcp://0.0.0.0:4567"}, gone: rubyGone, quiet: true, ci: true,
	},
	{name: "ruby-bundler", want: `eins zwei\nb=2\n/app/Gemfile`, argv: []string{"bundle", "exec", "ruby", "feed.rb"}, gone: rubyGone, quiet: true, heavy: true},
	{
		name: "ruby-script", want: `nightly: 3 Job\n\[2,3\]\njq-1\.6\nthere`, argv: []string{"jobs", "nightly"}, gone: rubyGone[2:],
		warns: []string{"/usr/local/bin/jobs runs commands by a shell, first in line 12"}, heavy: true,
	},
}

// TestRuby builds applications of Ruby as [TestNode] does those of Node.js.
func TestRuby(t *testing.T) {
	for _, a := range rubyApps {
		t.Run(a.name, func(t *testing.T) {
			a.due(t)
			a.test(t)
		})
	}
}
