package rules

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var stopSignal = rule.Rule{
	Meta: rule.Meta{
		Name:     "stop-signal",
		Family:   rule.Hygiene,
		Summary:  "STOPSIGNAL is a signal that a program can catch, by its name",
		Why:      "SIGKILL and SIGSTOP cannot be caught, so the program never gets the chance to end in order. Numbers and short names are taken, and read by few.",
		Bad:      "FROM debian:12\nSTOPSIGNAL 9\n",
		Good:     "FROM debian:12\nSTOPSIGNAL SIGQUIT\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{},
	},
	Check: checkStopSignal,
}

// signals are those with the same number on every Linux (signal(7)) that make
// sense as a stop signal or are taken for one.
var signals = map[string]string{
	"1": "SIGHUP", "2": "SIGINT", "3": "SIGQUIT", "6": "SIGABRT", "9": "SIGKILL", "14": "SIGALRM", "15": "SIGTERM", "28": "SIGWINCH",
}

func checkStopSignal(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.StopSignalCommand)
		if !ok {
			continue
		}
		signal, known := p.File.Expand(in, c.Signal)
		if !known || signal == "" {
			continue
		}
		name := strings.ToUpper(signal)
		if full, ok := signals[signal]; ok {
			name = full
		} else if !strings.HasPrefix(name, "SIG") && strings.Trim(name, "0123456789") != "" {
			name = "SIG" + name
		}
		word := in.Words()[0]
		switch {
		case slices.Contains([]string{"SIGKILL", "SIGSTOP"}, name):
			p.Report(rule.Finding{Span: word.Span, Message: name + " cannot be caught, so the program cannot end in order", Fix: &rule.Fix{
				Title: "Use SIGTERM", Safety: rule.Unsafe, Edits: []source.Edit{{Span: word.Span, New: "SIGTERM"}},
			}})
		case name != signal && name == strings.ToUpper(name) && strings.HasPrefix(name, "SIG"):
			p.Report(rule.Finding{Span: word.Span, Message: "the signal " + signal + " is called " + name, Fix: &rule.Fix{
				Title: "Write " + name, Safety: rule.Unsafe, Edits: []source.Edit{{Span: word.Span, New: name}},
			}})
		}
	}
}
