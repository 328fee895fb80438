package custom_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/custom"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// rules are those of a configuration file with one rule.
func rules(t *testing.T, one string) []rule.Rule {
	t.Helper()
	f, err := config.Parse("f", []byte("lint:\n  rules:\n  - "+one+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return custom.Compile(f.Rules)
}

func TestRules(t *testing.T) {
	for name, tc := range map[string]struct {
		rule, text string
		want       []string // line:column message
		fixed      string
	}{
		"an instruction unless": {
			rule: `{name: a-base, message: "$0 is not ours", instruction: from, matches: '\S+', unless: '^ours/'}`,
			text: "FROM debian:12 AS x\nFROM ours/base\n",
			want: []string{"1:6 debian:12 is not ours", "1:16 AS is not ours", "1:19 x is not ours"},
		},
		"over continued lines": {
			rule:  `{name: a-env, message: "$1 is old", instruction: [env, arg], matches: '(OLD_\w+)=(\S+)', fix: {replace: 'NEW=$2', safety: safe}}`,
			text:  "FROM a\nENV A=b \\\n  # kept\n  OLD_ONE='x' \\\n  C=d\nARG OLD_TWO=y\n",
			want:  []string{"4:3 OLD_ONE is old", "6:5 OLD_TWO is old"},
			fixed: "FROM a\nENV A=b \\\n  # kept\n  NEW='x' \\\n  C=d\nARG NEW=y\n",
		},
		"a command with words": {
			rule:  `{name: npm-ci, message: use npm ci, command: npm, matches: '^npm (install|i)$', fix: {replace: npm ci}}`,
			text:  "FROM a\nRUN cd /a && npm  \\\n  install && npm install left-pad\nRUN [\"npm\", \"i\"]\n",
			want:  []string{"2:14 use npm ci", "4:7 use npm ci"},
			fixed: "FROM a\nRUN cd /a && npm ci && npm install left-pad\nRUN [\"npm\", \"i\"]\n",
		},
		"has and lacks": {
			rule: `{name: a-curl, message: m, command: [curl, wget], has: -L, lacks: [--fail, -f]}`,
			text: "FROM a\nRUN curl -L x\nRUN curl -L -f x\nRUN wget x\nRUN sudo wget -L x\n",
			want: []string{"2:5 m", "5:10 m"},
		},
		"a wrapper": {
			rule: `{name: a-sudo, message: m, command: sudo}`,
			text: "FROM a\nRUN sudo -u x apt-get update\n",
			want: []string{"2:5 m"},
		},
		"a part of a word": {
			rule:  `{name: a-host, message: m, command: curl, matches: 'http://', fix: {replace: 'https://'}}`,
			text:  "FROM a\nRUN curl -o x http://a/b 'http://c'\n",
			want:  []string{"2:15 m", "2:26 m"},
			fixed: "FROM a\nRUN curl -o x https://a/b 'http://c'\n",
		},
		"in the final stage": {
			rule: `{name: a-run, message: m, instruction: RUN, stage: final}`,
			text: "FROM a AS base\nRUN a\nFROM b AS other\nRUN b\nFROM base\nRUN c\n",
			want: []string{"2:5 m", "6:5 m"},
		},
		"in a build stage": {
			rule: `{name: a-run, message: m, command: b, stage: build}`,
			text: "FROM a AS base\nRUN b\nFROM b AS other\nRUN b\nFROM base\nRUN b\n",
			want: []string{"4:5 m"},
		},
		"missing": {
			rule: `{name: a-owner, message: no owner, instruction: LABEL, stage: final, matches: '\bowner=', missing: true}`,
			text: "FROM a AS base\nLABEL x=y owner=z\nFROM b\nLABEL owners=x\n",
			want: []string{"3:6 no owner"},
		},
		"not missing": {
			rule: `{name: a-owner, message: no owner, instruction: LABEL, matches: '\bowner=', missing: true}`,
			text: "FROM a\nLABEL x=y \\\n owner=z\n",
		},
		"without an expression": {
			rule:  `{name: a-exp, message: 'no $0 for $$5', instruction: EXPOSE, severity: info, fix: {replace: '8080', title: Use 8080}}`,
			text:  "FROM a\nEXPOSE 22  \n",
			want:  []string{"2:8 no 22 for $5"},
			fixed: "FROM a\nEXPOSE 8080  \n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts := lint.Options{Rules: rules(t, tc.rule)}
			src := source.NewFile("f", []byte(tc.text))
			diags, err := lint.Run(t.Context(), src, opts)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range diags {
				at := src.Pos(d.Span.Start)
				got = append(got, fmt.Sprintf("%d:%d %s", at.Line, at.Col, d.Message))
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			if tc.fixed == "" {
				return
			}
			opts.Unsafe = true
			fixed, _, err := lint.Fix(t.Context(), src, opts)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.fixed, string(fixed.Bytes)); d != "" {
				t.Error(d)
			}
		})
	}
}

// A fix without a title says what it does.
func TestTitle(t *testing.T) {
	for def, want := range map[string]string{
		`{name: a-rm, message: m, command: rm, matches: ' -rf', fix: {replace: ''}}`:              "Remove -rf",
		`{name: a-rm, message: m, command: rm, matches: '\$\w+', fix: {replace: '$0/x'}}`:         "Write $HOME/x",
		`{name: a-rm, message: m, command: rm, matches: '^r.', fix: {replace: x, title: 'a $0'}}`: "a rm",
	} {
		diags, err := lint.Run(t.Context(), source.NewFile("f", []byte("FROM a\nRUN rm -rf $HOME\n")), lint.Options{Rules: rules(t, def)})
		if err != nil || len(diags) != 1 || diags[0].Fix == nil || diags[0].Fix.Title != want {
			t.Errorf("%s: %+v, %v", def, diags, err)
		}
	}
}

// A nearer file may say the same rule anew.
func TestCompile(t *testing.T) {
	got := custom.Compile([]config.Rule{
		{Name: "a-b", Message: "old", Instruction: []string{"run"}}, {Name: "a-c", Message: "other", Instruction: []string{"run"}}, {Name: "a-b", Message: "new", Severity: "error", Instruction: []string{"run"}},
	})
	if len(got) != 2 || got[0].Summary != "new" || got[0].Severity != rule.Error || got[1].Severity != rule.Warning {
		t.Errorf("%+v", got)
	}
}
