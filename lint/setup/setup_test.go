package setup_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/setup"
)

var all = []rule.Rule{
	{Meta: rule.Meta{Name: "a-one", Aliases: []string{"CheckOne"}, Presets: []string{"recommended"}}},
	{Meta: rule.Meta{Name: "b-two", Aliases: []string{"CheckTwo"}}},
}

func parse(t *testing.T, text string) config.Config {
	t.Helper()
	f, err := config.Parse("/f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return config.For("/Dockerfile", []config.File{f})
}

func TestFor(t *testing.T) {
	run, err := setup.For(all, parse(t, `lint:
  fail-on: error
  enable: [unused-ignore]
  require-reason: true
  trusted-registries: [a]
  labels: {x: url}
  strict-labels: true
  rules: [{name: acme-own, message: m, instruction: RUN}]
`), config.Layer{})
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Rules) != 2 || run.Rules[1].Name != "acme-own" {
		t.Errorf("rules %v", run.Rules)
	}
	if run.FailOn != rule.Error || run.NeverFail || !run.ReportUnused || !run.RequireReason || run.Suppressed {
		t.Errorf("%+v", run)
	}
	if d := cmp.Diff(rule.Settings{TrustedRegistries: []string{"a"}, Labels: map[string]string{"x": "url"}, StrictLabels: true}, run.Settings); d != "" {
		t.Error(d)
	}
	// What decides in the end, and the defaults.
	run, err = setup.For(all, config.Config{}, config.Layer{FailOn: "none", Suppressions: "off", Only: []string{"CheckTwo"}})
	if err != nil || !run.NeverFail || !run.Suppressed || len(run.Rules) != 1 || run.Rules[0].Name != "b-two" {
		t.Errorf("%+v, %v", run, err)
	}
	if run, err = setup.For(all, config.Config{}, config.Layer{}); err != nil || run.FailOn != rule.Warning || run.ReportUnused || run.RequireReason {
		t.Errorf("%+v, %v", run, err)
	}
	if err := run.Known("a-on"); err == nil {
		t.Error("a rule that does not exist is known")
	}
}

// A checker's finding that a rule of ours answers to is that rule's.
func TestRuns(t *testing.T) {
	theirs := func(name string) *rule.Meta { return &rule.Meta{Name: name, Presets: []string{"recommended"}} }
	for name, tc := range map[string]struct {
		layer config.Layer
		want  [3]bool // CheckOne, CheckTwo, CheckThree
	}{
		"recommended":        {config.Layer{}, [3]bool{true, false, true}},
		"strict":             {config.Layer{Preset: "strict"}, [3]bool{true, true, true}},
		"ours is ignored":    {config.Layer{Ignore: []string{"a-one"}}, [3]bool{false, false, true}},
		"theirs is ignored":  {config.Layer{Ignore: []string{"CheckThree", "CheckOne"}}, [3]bool{false, false, false}},
		"ours is asked for":  {config.Layer{Enable: []string{"b-two"}}, [3]bool{true, true, true}},
		"only one is wanted": {config.Layer{Only: []string{"CheckThree"}}, [3]bool{false, false, true}},
	} {
		run, err := setup.For(all, config.Config{}, tc.layer)
		if err != nil {
			t.Fatal(err)
		}
		got := [3]bool{run.Runs(theirs("CheckOne")), run.Runs(theirs("CheckTwo")), run.Runs(theirs("CheckThree"))}
		if got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestTaken(t *testing.T) {
	_, err := setup.For(all, parse(t, "lint:\n  rules: [{name: a-one, message: m, instruction: RUN}]\n"), config.Layer{})
	if err == nil || err.Error() != "/f:2:11: there is a rule a-one already; put your own word before the name" {
		t.Error(err)
	}
}
