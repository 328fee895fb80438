package source_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/need/source"
)

var (
	php  = source.Language{Dialect: source.Dialect{Comments: []string{"//", "#"}, Block: [2]string{"/*", "*/"}, Within: "<?", Interpolation: "${", Heredoc: "<<<"}, Calls: map[string]source.How{"exec": source.ByShell, "proc_open": source.ListOrShell, "pcntl_exec": source.Program, "Process.fromShellCommandline": source.ByShell, "mail": 100}, Loads: []string{"require"}}
	ruby = source.Language{Dialect: source.Dialect{Comments: []string{"#"}, Pod: true, Interpolation: "#", Percent: true, Heredoc: "<<", Regexps: true, End: "__END__", Bare: true}, Calls: map[string]source.How{"system": source.LikeExec, "IO.popen": source.LikeExec, "Open3.capture2": source.LikeExec}, Shell: "*?{}[]<>()~&|\\$;'`\"\n#=%", Exec: true, Loads: []string{"require"}}
	perl = source.Language{Dialect: source.Dialect{Comments: []string{"#"}, Pod: true, Interpolation: "$@", Letters: true, Heredoc: "<<", Regexps: true, End: "__END__", Bare: true}, Calls: map[string]source.How{"system": source.LikeExec, "open": source.Pipe}, Shell: "$&*(){}[]'\";\\|?<>~`\n", Exec: true, Loads: []string{"use", "require"}}
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name     string
		language source.Language
		text     string
		want     []string // LINE program NAME, LINE shell TEXT, with … where the rest is computed
		loads    []string
	}{
		{name: "shell", language: php, text: "text exec('a')\n<?php exec('ls -l | wc'); ?> exec('b') <?= exec(\"id\") ?>", want: []string{"2 shell ls -l | wc", "2 shell id"}},
		{name: "computed", language: php, text: "<?php exec($x); exec('convert ' . escapeshellarg($y)); exec(\"gs -o $out\");", want: []string{"1 shell ", "1 shell convert …", "1 shell gs -o …"}},
		{name: "methods and names of others", language: php, text: "<?php $db->exec('x'); function exec($a) {} Db::exec('y'); new exec('z'); \\exec('own');", want: []string{"1 shell own"}},
		{name: "texts that are put together", language: php, text: "<?php echo 'a' . exec('b');", want: []string{"1 shell b"}},
		{name: "comments", language: php, text: "<?php // exec('a')\n# exec('b')\n/* exec('c') */ #[Attribute]\nexec('d');", want: []string{"4 shell d"}},
		{name: "list", language: php, text: "<?php proc_open(['jq', '.'], $a, $b); proc_open('jq .', $a); proc_open(array('tar'), $a); pcntl_exec('/bin/true');", want: []string{"1 program jq", "1 shell jq .", "1 program tar", "1 program /bin/true"}},
		{name: "here-document", language: php, text: "<?php $a = <<<X\n exec('no') $b\n X;\n$c = `uptime`; require __DIR__ . '/vendor/autoload.php'; Process::fromShellCommandline('df | sort');", want: []string{"4 shell uptime", "4 shell df | sort"}},
		{name: "quotes", language: php, text: "<?php $a = 'it\\'s'; exec('x \\'y\\''); $b = \"{$a['k']}\"; exec('z');", want: []string{"1 shell x 'y'", "1 shell z"}},
		{name: "require", language: php, text: "<?php\nrequire 'a/autoload.php';\nrequire_once('b');", loads: []string{"2 a/autoload.php"}},

		{name: "one command line", language: ruby, text: "system('ls -l')\nsystem \"ls | wc\"\nsystem('exit 3')\nsystem \"A=1 b\"", want: []string{"1 program ls", "2 shell ls | wc", "3 shell exit 3", "4 shell A=1 b"}},
		{name: "words", language: ruby, text: "system('jq', '-c', x)\nsystem({'A' => '1'}, 'git', 'log')\nsystem(*%w[tar -x])\nOpen3.capture2('cat', stdin_data: 'x')\nIO.popen(['sort', '-u'])", want: []string{"1 program jq", "2 program git", "3 program tar", "4 program cat", "5 program sort"}},
		{name: "backquotes", language: ruby, text: "a = `uname -a`\nb = %x(ls | wc)\nc = `du #{dir}`\nx = 7 %x", want: []string{"1 program uname", "2 shell ls | wc", "3 shell du …"}},
		{name: "computed words", language: ruby, text: "system(cmd)\nsystem cmd if ok\nsystem(cmd, 'x')", want: []string{"1 shell "}},
		{name: "methods", language: ruby, text: "obj.system('x')\ndef system(a)\nend\nKernel::exec", want: nil},
		{name: "regular expressions", language: ruby, text: "if s =~ /it's \"/\n  system('one')\nend\nx = a / b\nsystem('two')", want: []string{"2 program one", "5 program two"}},
		{name: "here-document of Ruby", language: ruby, text: "sql = <<~SQL\n  system('no')\n  it's\nSQL\nsystem('yes')\nlist << item", want: []string{"5 program yes"}},
		{name: "documentation", language: ruby, text: "=begin\nsystem('no')\n=end\nsystem('yes')\n__END__\nsystem('data')", want: []string{"4 program yes"}},
		{name: "quotes in a comment", language: ruby, text: "# it's\nsystem('a') # don't\nsystem('b')", want: []string{"2 program a", "3 program b"}},
		{name: "required", language: ruby, text: "require 'rdoc'\nrequire(\"x/y\")\nobj.require 'z'", loads: []string{"1 rdoc", "2 x/y"}},

		{name: "Perl", language: perl, text: "system('jq', '--version') == 0 or die;\nsystem(\"ls | wc\");\nmy $a = `uptime`; my $b = qx{df -h}; my $c = qx(du $d);", want: []string{"1 program jq", "2 shell ls | wc", "3 program uptime", "3 program df", "3 shell du …"}},
		{name: "pipes", language: perl, text: "open(my $fh, '-|', 'git', 'log') or die;\nopen(FH, 'gzip -d x |');\nopen(my $x, '<', 'file');\nopen(FH, \"| mail $to\");", want: []string{"1 program git", "2 program gzip", "4 shell mail …"}},
		{name: "quote-like operators", language: perl, text: "my $q = q(it's); my @w = qw(a b); s/it's/x/; tr/a-z/A-Z/; my %h = (s => 1, y => 2);\n$h{q}; system('one'); m{system('no')}x; y => 1;\nsystem('two');", want: []string{"2 program one", "3 program two"}},
		{name: "documentation of Perl", language: perl, text: "=head1 X\n\nsystem('no')\n\n=cut\n\nsystem('yes');\n__END__\nsystem('data');", want: []string{"7 program yes"}},
		{name: "used", language: perl, text: "use strict;\nuse Acme::Table qw(x);\nrequire File::Temp;\nuse 5.010;", loads: []string{"1 strict", "2 Acme::Table", "3 File::Temp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			uses, modules := c.language.Read(c.text)
			var got []string
			for _, u := range uses {
				kind := "program"
				if u.Kind == source.Shell {
					kind = "shell"
				}
				rest := ""
				if u.Partial {
					rest = "…"
				}
				got = append(got, fmt.Sprintf("%d %s %s%s", u.Line, kind, u.Text, rest))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q\nwant %q", got, c.want)
			}
			var loads []string
			for _, m := range modules {
				loads = append(loads, fmt.Sprintf("%d %s", m.Line, m.Name))
			}
			if c.loads != nil && !slices.Equal(loads, c.loads) {
				t.Errorf("loads %q, want %q", loads, c.loads)
			}
		})
	}
}

// TestHostile holds sources that are made to be slow to being read at all: a
// cost that grows faster than the source would not end here.
func TestHostile(t *testing.T) {
	const size = 1 << 16
	for _, part := range []string{"q(", "exec(", "system(", "system(\"", "`", "%x(", "<<A ", "<<<A\n", "'\"", "s{", "=/(", "#{", "\"#{", "[", "=begin\n", "/*", "?><?php "} {
		text := "<?php " + strings.Repeat(part, size/len(part))
		for _, l := range []source.Language{php, ruby, perl} {
			l.Read(text)
			l.Named(text, 100)
		}
	}
}

// FuzzRead holds reading to an end, whatever a source is, and its lines to those
// of the source.
func FuzzRead(f *testing.F) {
	f.Add("<?php exec(\"a $b {$c['d']}\"); <<<X\n X", uint8(0))
	f.Add("system(%w[a b]); x = %x(a(b)c) << ~A\n=begin\n", uint8(1))
	f.Add("s{a}{b}; tr/a/b/; qw(; open(F, '|", uint8(2))
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		l := []source.Language{php, ruby, perl}[which%3]
		uses, modules := l.Read(text)
		lines := strings.Count(text, "\n") + 1
		for _, u := range uses {
			if u.Line < 1 || u.Line > lines {
				t.Fatalf("line %d of %d", u.Line, lines)
			}
		}
		for _, m := range modules {
			if m.Line < 1 || m.Line > lines {
				t.Fatalf("line %d of %d", m.Line, lines)
			}
		}
		l.Named(text, 100)
	})
}
