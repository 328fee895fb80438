package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/credential"
)

// A Severity says how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Severities lists them, the worst first.
func Severities() []Severity { return []Severity{Error, Warning, Info} }

// A Finding is one thing of an image that someone should look at.
type Finding struct {
	Rule     string   `json:"rule"`
	Aliases  []string `json:"aliases,omitempty"` // what dockle and the CIS Docker Benchmark call it
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Path     string   `json:"path,omitempty"`
	Layer    int      `json:"layer,omitempty"` // counted from 1, where it is about one
}

// A Rule is a kind of findings.
type Rule struct {
	Name     string
	Aliases  []string
	Severity Severity
	Summary  string
}

// Rules lists what is looked for. Aliases are those of dockle 0.4 and of the
// CIS Docker Benchmark 1.6, section 4.
func Rules() []Rule {
	return []Rule{
		{"secret-file", []string{"CIS-DI-0010"}, Error, "a file holds a credential"},
		{"secret-in-layer", []string{"CIS-DI-0010"}, Error, "a layer holds a credential that a later one deletes or replaces"},
		{"secret-in-history", []string{"CIS-DI-0010"}, Error, "the history of the image holds a credential"},
		{"secret-in-environment", []string{"CIS-DI-0010"}, Error, "a variable holds a credential"},
		{"empty-password", []string{"DKL-LI-0001"}, Error, "an account has an empty password"},
		{"sensitive-volume", []string{"DKL-DI-0002"}, Error, "a volume is a directory that belongs to the system"},
		{"root-user", []string{"CIS-DI-0001"}, Warning, "the image runs as root"},
		{"set-id-file", []string{"CIS-DI-0008"}, Warning, "a program runs with the rights of its owner or group"},
		{"file-capability", nil, Warning, "a program has capabilities of its own"},
		{"world-writable", nil, Warning, "everyone may write to a file"},
		{"double-account", []string{"DKL-LI-0002"}, Warning, "two accounts or groups share a number"},
		{"left-cache", []string{"DKL-LI-0003"}, Warning, "caches and files that nothing needs are in the image"},
		{"missing-library", nil, Warning, "a library that a program needs is not in the image"},
		{"unreadable-packages", nil, Warning, "nobody can tell which packages the image has"},
		{"package-manager", nil, Info, "software can be installed"},
		{"shell", nil, Info, "there is a shell"},
		{"no-healthcheck", []string{"CIS-DI-0006"}, Info, "there is no health check"},
	}
}

// add notes a finding of a rule.
func (in *Inspection) add(rule, path string, layer int, format string, args ...any) {
	for _, r := range Rules() {
		if r.Name == rule {
			in.Findings = append(in.Findings, Finding{r.Name, r.Aliases, r.Severity, fmt.Sprintf(format, args...), path, layer})
		}
	}
}

// compareFindings puts the worst first, and those of a rule together.
func compareFindings(a, b Finding) int {
	return cmp.Or(cmp.Compare(slices.Index(Severities(), a.Severity), slices.Index(Severities(), b.Severity)), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Message, b.Message))
}

// AtLeast counts the findings that are as bad as a severity, or worse.
func (in *Inspection) AtLeast(s Severity) int {
	n := 0
	for _, f := range in.Findings {
		if slices.Index(Severities(), f.Severity) <= slices.Index(Severities(), s) {
			n++
		}
	}
	return n
}

// maxEach is how many findings of one kind are told one by one.
const maxEach = 20

// find draws the conclusions.
func (in *Inspection) find(ctx context.Context, src *oci.Source, t tree.Tree, w *walk, s *secrets) error {
	in.secrets(ctx, src, t, s)
	if err := in.accounts(ctx, t); err != nil {
		return err
	}
	for _, v := range in.Config.Volumes {
		if sensitive(v) {
			in.add("sensitive-volume", v, 0, "the volume %s is a directory that belongs to the system", v)
		}
	}
	if user, _, _ := strings.Cut(in.Config.User, ":"); user == "root" || user == "0" {
		in.add("root-user", "", 0, "the image runs as root")
	}
	for _, list := range []struct {
		rule, what string
		files      []Special
	}{{"set-id-file", "runs with the rights of its owner or group", in.SetID}, {"file-capability", "has capabilities of its own", in.Capable}, {"world-writable", "can be written to by everyone", in.WorldWritable}} {
		for i, f := range list.files {
			if i == maxEach {
				in.add(list.rule, "", 0, "and %d more", len(list.files)-maxEach)
				break
			}
			text := fmt.Sprintf("%s %s: mode %s, owner %d:%d", f.Path, list.what, f.Mode, f.UID, f.GID)
			if len(f.Capabilities) > 0 {
				text += ", " + strings.Join(f.Capabilities, " ")
			}
			in.add(list.rule, f.Path, 0, "%s", text)
		}
	}
	if w.unreadable != nil {
		in.add("unreadable-packages", w.unreadable.Path, 0, "%s", w.unreadable.Error())
	}
	for _, c := range parts(w.caches) {
		in.add("left-cache", c.Name, 0, "%s has %d files with %s", c.Name, c.Files, image.FormatSize(c.Bytes))
	}
	n := 0
	for _, p := range in.Programs {
		if len(p.Missing) > 0 && n < maxEach {
			in.add("missing-library", p.Path, 0, "%s needs %s, and no file of the image is called so", p.Path, strings.Join(p.Missing, ", "))
			n++
		}
	}
	for _, m := range slices.Compact(slices.Sorted(slices.Values(in.PackageManagers))) {
		in.add("package-manager", m, 0, "%s can install software", m)
	}
	for _, sh := range slices.Compact(slices.Sorted(slices.Values(in.Shells))) {
		in.add("shell", sh, 0, "%s is a shell", sh)
	}
	if len(in.Config.Healthcheck) == 0 {
		in.add("no-healthcheck", "", 0, "there is no health check; orchestrators bring their own")
	}
	return nil
}

// secrets tells credentials: of files, of layers below others, of variables and
// of the history.
func (in *Inspection) secrets(ctx context.Context, src *oci.Source, t tree.Tree, s *secrets) {
	last := map[string]int{}
	for _, x := range s.found {
		last[x.path] = max(last[x.path], x.layer)
	}
	for _, x := range s.found {
		if e, err := t.Lstat(ctx, x.path); err == nil && e.IsRegular() && e.Size == x.size && last[x.path] == x.layer {
			in.add("secret-file", x.path, x.layer, "%s is %s", x.path, x.what)
			continue
		}
		in.add("secret-in-layer", x.path, x.layer, "%s is %s in layer %d, where everyone who pulls the image can read it; a later layer hides it", x.path, x.what, x.layer)
	}
	for _, kv := range src.Config.Config.Env {
		name, value, _ := strings.Cut(kv, "=")
		if found := credential.Find([]byte(value)); len(found) > 0 {
			in.add("secret-in-environment", "", 0, "the variable %s is %s", name, found[0].What)
		} else if _, ok := credential.URLPassword(value); ok {
			in.add("secret-in-environment", "", 0, "the variable %s has an address with a password", name)
		} else if credential.Certain(name) && !credential.Harmless(name) && !credential.HarmlessValue(value) && credential.Looks(value) {
			in.add("secret-in-environment", "", 0, "the variable %s looks like a credential", name)
		}
	}
	for i, h := range src.Config.History {
		for _, m := range credential.Find([]byte(h.CreatedBy)) {
			in.add("secret-in-history", "", 0, "step %d of the history holds %s", i+1, m.What)
		}
	}
}

// sensitive reports whether a volume is one of the directories that dockle
// names (pkg/assessor/manifest of dockle 0.4).
func sensitive(volume string) bool {
	volume = "/" + strings.Trim(volume, "/")
	return slices.Contains([]string{"/", "/sys", "/dev", "/proc", "/boot", "/lib", "/usr", "/etc"}, volume)
}

// maxAccounts is the largest file of accounts that is read, in bytes.
const maxAccounts = 1 << 20

// accounts reads passwd(5), shadow(5) and group(5).
func (in *Inspection) accounts(ctx context.Context, t tree.Tree) error {
	for _, file := range []struct{ path, what string }{{"/etc/passwd", "account"}, {"/etc/shadow", "account"}, {"/etc/group", "group"}} {
		text, err := tree.ReadOptional(ctx, t, file.path, maxAccounts)
		if err != nil {
			return fmt.Errorf("reading the accounts: %w", err)
		}
		ids := map[string]string{}
		for line := range strings.Lines(string(text)) {
			fields := strings.Split(strings.TrimRight(line, "\n"), ":")
			if len(fields) < 3 || fields[0] == "" || strings.HasPrefix(fields[0], "#") {
				continue
			}
			if file.what == "account" && fields[1] == "" {
				in.add("empty-password", file.path, 0, "the account %s has an empty password in %s", fields[0], file.path)
			}
			if file.path == "/etc/shadow" {
				continue
			}
			if other := ids[fields[2]]; other != "" && other != fields[0] {
				in.add("double-account", file.path, 0, "the %ss %s and %s have the same number %s", file.what, other, fields[0], fields[2])
			}
			ids[fields[2]] = fields[0]
		}
	}
	return nil
}
