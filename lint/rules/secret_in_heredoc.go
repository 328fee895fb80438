package rules

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var secretInHeredoc = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-in-heredoc",
		Family:   rule.Secrets,
		Summary:  "no heredoc writes a secret into the image",
		Why:      "The text of a heredoc is a part of the Dockerfile and of the image's history, and the file that it makes is in the layer. Mount the file as a secret where it is needed.",
		Bad:      "FROM debian:12\nCOPY <<EOF /etc/app.conf\ndb_password = hunter2\nEOF\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=conf,target=/etc/app.conf make\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSecretInHeredoc,
}

func checkSecretInHeredoc(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		switch in.Keyword {
		case "copy", "add":
			for _, doc := range p.File.Heredocs(in) {
				secretLines(p, string(p.File.Bytes[doc.Body.Start:doc.Body.End]), func(start, end int) source.Span {
					return source.Span{Start: doc.Body.Start + start, End: doc.Body.Start + end}
				})
			}
		case "run":
			s, ok := p.File.Script(in)
			if !ok || s.File == nil || !strings.Contains(s.Text, "<<") {
				continue
			}
			syntax.Walk(s.File, func(n syntax.Node) bool {
				if r, ok := n.(*syntax.Redirect); ok && r.Hdoc != nil {
					at := int(r.Hdoc.Pos().Offset())
					secretLines(p, s.Text[at:min(int(r.Hdoc.End().Offset()), len(s.Text))], func(start, end int) source.Span {
						return s.Span(at+start, at+end)
					})
				}
				return true
			})
		}
	}
}

// secretLines reports the lines of a file that give a credential a value.
func secretLines(p *rule.Pass, text string, span func(start, end int) source.Span) {
	at := 0
	for line := range strings.Lines(text) {
		if key, value, from := assignment(line); key != "" && credential.Certain(key) && literalSecret(value) {
			p.Reportf(span(at+from, at+from+len(value)), "the value of "+key+" stays in the image and its history; use RUN --mount=type=secret")
		}
		at += len(line)
	}
}

// assignment takes a line of a configuration apart: name = value, name: value
// and //host/:_authToken=value. from is where the value begins.
func assignment(line string) (key, value string, from int) {
	trimmed := strings.TrimSpace(line)
	i := strings.IndexAny(line, "=:")
	if strings.HasPrefix(trimmed, "//") {
		i = strings.IndexByte(line, '=')
	}
	if i < 0 || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";") {
		return "", "", 0
	}
	fields := strings.Fields(line[:i])
	if len(fields) == 0 {
		return "", "", 0
	}
	key = strings.Trim(fields[len(fields)-1], `"'{-`)
	key = key[strings.LastIndexByte(key, ':')+1:]
	value = strings.TrimLeft(line[i+1:], " \t=")
	from = len(line) - len(value)
	if quote := value[:min(1, len(value))]; quote == `"` || quote == "'" {
		value, _, _ = strings.Cut(value[1:], quote)
		return key, value, from + 1
	}
	return key, strings.TrimRight(value, " \t\r\n,;"), from
}

// literalSecret reports whether a value may be a secret itself, and not stand
// for one.
func literalSecret(value string) bool {
	return len(value) > 3 && !strings.ContainsAny(value, "$ <{`%(") && !credential.HarmlessValue(value) && !credential.Placeholder(value)
}
