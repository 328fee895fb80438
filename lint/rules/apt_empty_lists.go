package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var aptEmptyLists = rule.Rule{
	Meta: rule.Meta{
		Name:    "apt-empty-lists",
		Family:  rule.Hygiene,
		Summary: "apt-get install has package lists to install from",
		Why: "The images of Debian and Ubuntu, and those of languages that are built on them, come without package lists, and what is deleted after one install is not there for the next: apt-get then knows no package but those that are installed. Update the lists in the RUN that installs.\n\n" +
			"After a script that may have updated them nothing is reported.",
		Bad:      "FROM debian:12\nRUN apt-get install -y curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkAptEmptyLists,
}

// lists are what is known of apt's package lists.
type lists int

const (
	unknownLists lists = iota
	noLists
	someLists
)

func checkAptEmptyLists(p *rule.Pass) {
	state := make([]lists, len(p.File.Stages)) // at the end of each
	for i := range p.File.Stages {
		s := &p.File.Stages[i]
		now := unknownLists
		if s.Parent >= 0 {
			now = state[s.Parent]
		} else if base, known := p.File.BaseName(s); known && emptyLists(base) {
			now = noLists
		}
		for _, in := range p.File.In(i) {
			switch {
			case in.Trigger:
			case in.Keyword == "run":
				now = listsAfter(p, in, now)
			case now == noLists && (in.Keyword == "copy" || in.Keyword == "add") && bringsLists(in):
				now = unknownLists
			}
		}
		state[i] = now
	}
}

// emptyLists reports whether an image is known to come without lists.
func emptyLists(base string) bool {
	name, tag, _ := walk.Image(base)
	for _, p := range []string{"docker.io/", "library/"} {
		name = strings.TrimPrefix(name, p)
	}
	return slices.Contains([]string{"debian", "ubuntu", "buildpack-deps", "golang", "node", "python", "ruby", "rust", "php", "perl"}, name) &&
		!strings.Contains(tag, "alpine") && !strings.Contains(tag, "windows") && !strings.Contains(tag, "nanoserver")
}

// listsAfter goes through the commands of a RUN and reports an install that has
// nothing to choose from.
func listsAfter(p *rule.Pass, in dockerfile.Instruction, now lists) lists {
	s, ok := p.File.Script(in)
	if !ok || s.File == nil || walk.Mounted(p.File, in, "/var/lib/apt/lists") || in.Node.Heredocs != nil && !s.Heredoc {
		return unknownLists
	}
	for i, c := range p.File.Commands(in) {
		v, apt := walk.Invoke(c, "apt-get", "apt", "aptitude")
		switch {
		case apt && (v.Is(walk.Updates) || v.Has("--update", "-U")):
			now = someLists
		case apt && v.Is(walk.Installs) && now == noLists && byName(v.Packages) && !v.Has("--no-download", "--download-only"):
			finding := rule.Finding{Span: v.Span, Message: "there are no package lists here, so " + v.Manager + " finds only what is installed already; run " + v.Manager + " update before it in the same RUN"}
			if first := i == 0 && c.Call != nil && len(c.Wrappers) == 0; first && string(p.File.Bytes[v.Span.Start:v.NameSpan.End]) == v.Manager {
				at := source.Span{Start: v.Span.Start, End: v.Span.Start}
				finding.Fix = &rule.Fix{Title: "Add " + v.Manager + " update", Safety: rule.Unsafe, Edits: []source.Edit{{Span: at, New: v.Manager + " update && "}}}
			}
			p.Report(finding)
			now = unknownLists // once is enough
		case apt && (v.Verb == "dist-clean" || v.Verb == "distclean"), walk.Removes(c, "/var/lib/apt/lists"):
			now = noLists
		case !apt && now == noLists && !slices.Contains(strings.Fields(plainCommands), c.Name):
			now = unknownLists
		}
	}
	return now
}

// plainCommands are commands that update no lists. Any other may be a script
// that does.
const plainCommands = ": [ a2dismod a2enmod addgroup adduser apt-key apt-mark awk base64 cat cd chmod chown command cp curl cut date debconf-set-selections docker-php-ext-configure docker-php-ext-enable docker-php-ext-install " +
	"dpkg dpkg-reconfigure echo env export false find getent git gpg grep groupadd groupmod gunzip gzip head id install ldconfig ln locale-gen ls mkdir mktemp mv pip pip3 pwd rm rmdir sed set sha256sum sleep sort " +
	"strip sync tail tar tee test touch tr true umask uname unset unzip update-alternatives update-ca-certificates update-locale useradd usermod wget which whoami xz"

// bringsLists reports whether COPY or ADD may put lists there.
func bringsLists(in dockerfile.Instruction) bool {
	_, dest := in.Copied()
	return path.Clean("/"+dest.Text) == "/" || strings.HasPrefix(dest.Text, "/var") || strings.HasPrefix(dest.Text, "$")
}

// byName reports whether one of the packages is asked for by name, and is no
// file.
func byName(packages []dockerfile.Arg) bool {
	return slices.ContainsFunc(packages, func(a dockerfile.Arg) bool { return a.Literal && !strings.Contains(a.Text, "/") })
}
