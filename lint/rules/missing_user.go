package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/accounts"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

// whyShown tells in both rules about root when their fix is only shown.
const whyShown = "The fix is only suggested, not applied, if the image has no command (a base image) or appears to need root: " +
	"by its program, its base image, a port below 1024, root's home (where it has neither WORKDIR nor VOLUME, its program may write there), Docker's socket, an account that is created or given files and not used, or gosu and the like."

var missingUser = rule.Rule{
	Meta: rule.Meta{
		Name:    "missing-user",
		Aliases: []string{"DS-0002", "CIS-DI-0001", "CKV_DOCKER_3", "missing-user-entrypoint", "fd54f200-402c-4333-a5a4-36ef6709af2f"},
		Family:  rule.Root,
		Summary: "the image has a USER",
		Why: "Without a USER in the final stage, or in a stage it is made from, the image runs as its base image does, which is root as a rule. " +
			"Images that are known to run as an ordinary user are not reported; with --online the base image's own configuration is asked. Those whose entrypoint starts as root and steps down, such as databases, count for less. A final stage that is made from scratch and starts nothing is there to be copied from.\n\n" +
			"The fix sets a user by number, which Kubernetes' runAsNonRoot can check, and gives it the WORKDIR and the VOLUMEs. " + whyShown,
		Bad:      "FROM debian:12\nCMD [\"app\"]\n",
		Good:     "FROM debian:12\nUSER 65532:65532\nCMD [\"app\"]\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Yields:   []string{"invalid-default-base"},
		Presets:  []string{"recommended"},
	},
	Check: checkMissingUser,
}

func checkMissingUser(p *rule.Pass) {
	final := p.File.Final()
	if _, _, _, found := accounts.Last(p.File, final.Index); found {
		return
	}
	base, known := p.File.BaseName(accounts.Base(p.File, final.Index))
	if !known || base == "" || p.File.Windows(final.Index) || base == "scratch" && !accounts.Starts(p.File) {
		return
	}
	message := "no USER is set, so the image runs as " + walk.Short(base) + " does, which is root as a rule"
	if user, known := accounts.Runs(base); known && user != "" {
		return
	}
	if accounts.StepsDown(base) && !accounts.Has(p.File, "entrypoint") {
		p.Report(rule.Finding{
			Span:    walk.BaseSpan(p.File, final),
			Message: "no USER is set; the entrypoint of " + walk.Short(base) + " starts as root and steps down by itself", Minor: true,
		})
		return
	}
	if base == "scratch" {
		message = "no USER is set, so the image runs as root"
	} else if p.Images != nil {
		if img, ok := p.Images.Image(base); ok {
			if !accounts.Root(img.User) {
				return
			}
			message = "no USER is set, and " + walk.Short(base) + " runs as root"
		}
	}
	finding := rule.Finding{Span: walk.BaseSpan(p.File, final), Message: message}
	if edits := ordinaryUser(p.File, final, base); edits != nil {
		finding.Fix = &rule.Fix{Title: "Add USER " + accounts.Ordinary, Safety: safety(p.File, final, base), Edits: edits}
	}
	p.Report(finding)
}

// safety says whether the fix may be applied: not where volumes that nobody can
// give away would stay root's, nor where the image says nowhere where it works.
func safety(f *dockerfile.File, final *dockerfile.Stage, base string) rule.Safety {
	if _, volumes := written(f, final.Index); len(volumes) > 0 && !hasShell(base) {
		return rule.Suggestion
	}
	if base != "scratch" && !accounts.Has(f, "workdir", "volume") {
		return rule.Suggestion // the program may work in root's home
	}
	return accounts.LessThanRoot(f, base)
}

// ordinaryUser sets an ordinary user and gives it the directories that a program
// writes to, where a shell can do so: in the RUN that the stage ends in, else in
// one of its own.
func ordinaryUser(f *dockerfile.File, final *dockerfile.Stage, base string) []source.Edit {
	user := "USER " + accounts.Ordinary
	dirs, volumes := written(f, final.Index)
	all := slices.Concat(dirs, volumes)
	if len(all) == 0 || !hasShell(base) {
		return edit.AtEndOfStage(f, final, user)
	}
	command := "chown " + accounts.Ordinary + " " + strings.Join(all, " ")
	if len(volumes) > 0 {
		command = "mkdir -p " + strings.Join(volumes, " ") + " && " + command
	}
	run, ends := endsInRun(f, final)
	if !ends {
		return edit.AtEndOfStage(f, final, "RUN "+command, user)
	}
	edits := edit.AtEndOfStage(f, final, user)
	if more := walk.Append(f, run, command); more != nil && edits != nil && more.Edits[0].Span.End < edits[0].Span.Start {
		edits = append(more.Edits, edits...)
	}
	return edits
}

// hasShell reports whether an image is not one of those that have none.
func hasShell(base string) bool {
	for _, w := range []string{"distroless", "chiseled", "static", "cgr.dev/", "dhi.io/"} {
		if strings.Contains(base, w) {
			return false
		}
	}
	return base != "scratch"
}

// endsInRun is the RUN that a stage ends in, CMD and ENTRYPOINT aside. ok is
// false when there is none, so that a RUN of one's own follows no other.
func endsInRun(f *dockerfile.File, s *dockerfile.Stage) (last dockerfile.Instruction, ok bool) {
	for _, in := range f.In(s.Index) {
		if in.Keyword != "cmd" && in.Keyword != "entrypoint" {
			last = in
		}
	}
	return last, last.Keyword == "run" && !last.Trigger
}

// written are the working directory of the image and its volumes, those with a
// name that is known and that no system has.
func written(f *dockerfile.File, stage int) (dirs, volumes []string) {
	cwd := "/"
	var stages []int
	for i := stage; i >= 0; i = f.Stages[i].Parent {
		stages = append(stages, i)
	}
	for _, s := range slices.Backward(stages) {
		for _, in := range f.In(s) {
			if in.Trigger {
				continue
			}
			switch c := in.Command.(type) {
			case *instructions.WorkdirCommand:
				dir, known := f.Expand(in, c.Path)
				switch {
				case !known || strings.ContainsAny(dir, " \\"):
					return nil, nil
				case path.IsAbs(dir):
					cwd = path.Clean(dir)
				default:
					cwd = path.Join(cwd, dir)
				}
			case *instructions.VolumeCommand:
				for _, v := range c.Volumes {
					if dir, known := f.Expand(in, v); known && ownable(path.Clean(dir)) {
						volumes = append(volumes, path.Clean(dir))
					}
				}
			}
		}
	}
	if ownable(cwd) && !slices.Contains(volumes, cwd) {
		dirs = append(dirs, cwd)
	}
	return dirs, volumes
}

// ownable reports whether a directory may be given away: it is not one that
// the system is in.
func ownable(dir string) bool {
	if !path.IsAbs(dir) || strings.ContainsAny(dir, " $'\"\\*;&|") {
		return false
	}
	for _, system := range []string{"/sys/", "/proc/", "/dev/"} {
		if strings.HasPrefix(dir, system) {
			return false
		}
	}
	for _, system := range []string{"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/sbin", "/usr/share", "/var", "/var/lib", "/var/run"} {
		if dir == system {
			return false
		}
	}
	return true
}
