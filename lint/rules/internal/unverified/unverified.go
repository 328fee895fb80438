// Package unverified finds what turns the checks of servers and of signatures
// off, in arguments of commands and in variables, and takes it away. Without it
// a RUN does something else, or fails, so no such fix is safe.
package unverified

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

// Off is what turns a check off in the arguments of a command. The zero value
// is nothing.
type Off struct {
	Words   int    // how many words do so
	Instead string // what to write in place of the last of them; "" takes all away
	Text    bool   // a part of text that goes to a file: there is nothing to take away
	Needed  bool   // without it the command is sure to fail
	Part    string // the part of the text that does so, "" for all
}

// Arguments reports the arguments that turn a check off: off looks at a command
// from the argument at i on. what says what they do.
func Arguments(p *rule.Pass, off func(c dockerfile.Command, i int) Off, what string) {
	for _, c := range walk.Commands(p.File) {
		for i := 0; i < len(c.Args); i++ {
			o := off(c, i)
			if o.Words == 0 {
				continue
			}
			args := c.Args[i:min(i+o.Words, len(c.Args))]
			last := args[len(args)-1].Span
			finding := rule.Finding{Span: source.Span{Start: args[0].Span.Start, End: last.End}, Message: text(args) + " " + what}
			switch {
			case o.Part != "":
				finding.Message = o.Part + " " + what
				if at := strings.Index(string(p.File.Bytes[finding.Span.Start:last.End]), o.Part); at >= 0 {
					finding.Span.Start += at
					finding.Span.End = finding.Span.Start + len(o.Part)
				}
			case o.Text, o.Needed:
			case o.Instead == "":
				finding.Fix = dropped(edit.Arguments(p.File, c, i, len(args)), text(args))
			case c.Call != nil:
				finding.Fix = &rule.Fix{Title: "Write " + o.Instead, Safety: rule.Unsafe, Edits: []source.Edit{{Span: last, New: o.Instead}}}
			}
			p.Report(finding)
			i += len(args) - 1
		}
	}
}

// Flag makes an off of Arguments: any of the flags of any of the commands. A
// flag that ends in "=" also matches without it, and then takes the next word.
func Flag(commands []string, flags ...string) func(dockerfile.Command, int) Off {
	return func(c dockerfile.Command, i int) Off {
		if !slices.Contains(commands, c.Name) {
			return Off{}
		}
		for _, f := range flags {
			name, takes := strings.CutSuffix(f, "=")
			switch {
			case takes && strings.HasPrefix(c.Args[i].Text, f), !takes && c.Args[i].Text == f:
				return Off{Words: 1}
			case takes && c.Args[i].Text == name:
				return Off{Words: 2}
			}
		}
		return Off{}
	}
}

// Written reports whether a command writes its arguments, to a file as a rule.
func Written(c dockerfile.Command) bool { return c.Name == "echo" || c.Name == "printf" }

func dropped(edits []source.Edit, what string) *rule.Fix {
	if edits == nil {
		return nil
	}
	return &rule.Fix{Title: "Remove " + what, Safety: rule.Unsafe, Edits: edits}
}

func text(args []dockerfile.Arg) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a.Text
	}
	return strings.Join(words, " ")
}

// Variables reports where ENV, ARG or a RUN gives one of the variables, named
// in capitals, a value that off takes. what says what that does.
func Variables(p *rule.Pass, names []string, off func(value string) bool, what string) {
	bad := func(name, value string) bool {
		return slices.Contains(names, strings.ToUpper(name)) && off(strings.Trim(value, `"'`))
	}
	for _, in := range p.File.Instructions {
		switch in.Keyword {
		case "env", "arg":
			for i, kv := range in.Pairs() {
				if kv.HasValue && bad(kv.Key, kv.Value) {
					p.Report(rule.Finding{Span: kv.Span, Message: kv.Key + " " + what, Fix: dropped(edit.Pair(p.File, in, i), kv.Key)})
				}
			}
		case "run":
			if s, ok := p.File.Script(in); ok && !speaksOf(s.Text, names) {
				continue // so that few scripts are walked through
			}
			for _, c := range p.File.Commands(in) {
				for _, a := range c.Assigns {
					if name, value, _ := strings.Cut(a.Text, "="); a.Literal && bad(name, value) {
						p.Report(rule.Finding{Span: a.Span, Message: name + " " + what, Fix: dropped(edit.Word(p.File, a.Span), name)})
					}
				}
			}
			for set := range walk.Assigned(p.File, in) {
				if bad(set.Name, set.Value) {
					p.Reportf(set.Span, set.Name+" "+what)
				}
			}
		}
	}
}

// speaksOf reports whether text has one of the names, in capitals or small
// letters.
func speaksOf(text string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return strings.Contains(text, n) || strings.Contains(text, strings.ToLower(n))
	})
}

// No reports whether a value switches something off.
func No(value string) bool {
	return slices.Contains([]string{"0", "false", "no", "off", "never"}, strings.ToLower(value))
}

// Yes reports whether a value switches something on.
func Yes(value string) bool { return value != "" && !No(value) }
