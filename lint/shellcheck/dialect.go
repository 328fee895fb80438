package shellcheck

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// A dialect is how a script is read.
type dialect struct {
	shebang string // the line that says it to ShellCheck
	// takes reports that the shell takes what a finding about portability
	// says it may not; nil when nothing is known.
	takes func(code int, message, word string) bool
}

// shebangs are the dialects that ShellCheck has, by the shell's program.
var shebangs = map[string]string{
	"sh": "sh", "bash": "bash", "rbash": "bash", "dash": "dash", "ash": "dash", "ksh": "ksh", "ksh93": "ksh", "mksh": "ksh",
}

// A reader tells the dialects of one file.
type reader struct {
	file     *dockerfile.File
	families map[int]family // by stage, filled when asked
}

// dialect chooses the dialect of a script by the program that reads it. It is
// false for Windows and for shells that ShellCheck does not know.
func (r reader) dialect(in dockerfile.Instruction, text dockerfile.Script) (dialect, bool) {
	words := text.Shell
	if len(words) > 1 && path.Base(words[0]) == "busybox" {
		words = append([]string{"ash"}, words[2:]...)
	}
	if len(words) == 0 {
		return dialect{}, false
	}
	program := path.Base(words[0])
	name, ok := shebangs[program]
	if !ok {
		return dialect{}, false
	}
	d := dialect{shebang: "#!/bin/" + name}
	switch family := r.family(in.Stage); {
	case program == "ash" || program == "sh" && family == busybox:
		d.takes = busyboxTakes
	case program == "sh" && family == debian:
		d.takes = dashTakes
	case program == "sh" && family == bash:
		d.takes = bashTakes
	case program == "sh" && family == windows:
		return dialect{}, false
	}
	for _, w := range words[1:] {
		if option().MatchString(w) {
			d.shebang += " " + w
		}
	}
	return d, true
}

// option matches the options of a shell that change how a script is read: -e,
// -eo pipefail.
var option = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[-+]?[a-z]+$`) })

// A family is what a base image's /bin/sh is.
type family int

const (
	unknown family = iota
	busybox
	debian // dash
	bash
	windows
)

// families are known by a part of an image's name, the last first: those of
// mcr.microsoft.com/azurelinux/base/core and alpine/git are before it.
var families = map[string]family{
	"alpine": busybox, "busybox": busybox, "wolfi-base": busybox, "chainguard-base": busybox,
	"debian": debian, "ubuntu": debian, "buildpack-deps": debian,
	"fedora": bash, "centos": bash, "rockylinux": bash, "almalinux": bash, "oraclelinux": bash, "amazonlinux": bash, "archlinux": bash,
	"ubi": bash, "ubi-minimal": bash, "ubi7": bash, "ubi8": bash, "ubi9": bash, "ubi10": bash, "leap": bash, "tumbleweed": bash, "photon": bash,
	"azurelinux": bash, "cbl-mariner": bash,
}

// tags are the words of tags that say the same, as in 3.12-slim-bookworm.
var tags = map[string]family{
	"alpine": busybox, "busybox": busybox,
	"slim": debian, "trixie": debian, "bookworm": debian, "bullseye": debian, "buster": debian, "stretch": debian,
	"noble": debian, "jammy": debian, "focal": debian, "bionic": debian, "xenial": debian,
}

// family knows the image that a stage is made from in the end by its name.
func (r reader) family(stage int) family {
	if stage < 0 {
		return unknown
	}
	found, ok := r.families[stage]
	if !ok {
		if parent := r.file.Stages[stage].Parent; parent >= 0 {
			found = r.family(parent)
		} else {
			name, known := r.file.BaseName(&r.file.Stages[stage])
			found = familyOf(name)
			if choices := r.file.Choices(stage); len(choices) > 0 {
				found = r.common(choices)
			}
			if found == unknown && (!known && r.file.Escape == '`' || r.onWindows(stage)) {
				found = windows
			}
		}
		r.families[stage] = found
	}
	return found
}

// common is the family of all of some stages, among which a variable chooses.
func (r reader) common(stages []int) family {
	found := r.family(stages[0])
	for _, s := range stages[1:] {
		if r.family(s) != found {
			return unknown
		}
	}
	return found
}

func familyOf(image string) family {
	image, _, _ = strings.Cut(strings.ToLower(image), "@")
	repository, tag := image, ""
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		repository, tag = image[:i], image[i+1:]
	}
	if strings.Contains(image, "windows") || strings.Contains(image, "nanoserver") {
		return windows
	}
	for _, part := range slices.Backward(strings.Split(repository, "/")) {
		if found := families[part]; found != unknown {
			return found
		}
	}
	for word := range strings.SplitSeq(tag, "-") {
		if found := tags[strings.TrimRight(word, "0123456789.")]; found != unknown {
			return found
		}
	}
	return unknown
}

// drive matches what only a Windows command line says.
var drive = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|[\s"'=])[a-z]:\\[a-z]|^\s*(?:powershell|cmd)(?:\.exe)?\s`)
})

// onWindows reports whether a stage on an image without a telling name runs
// commands of Windows.
func (r reader) onWindows(stage int) bool {
	return slices.ContainsFunc(r.file.In(stage), func(in dockerfile.Instruction) bool {
		text, ok := r.file.Script(in)
		return ok && drive().MatchString(text.Text)
	})
}

// ashHas are findings about what POSIX leaves open and BusyBox's ash takes, as
// all common builds of it do. The test asks a real one.
var ashHas = []int{3001, 3003, 3010, 3013, 3014, 3020, 3036, 3037, 3039, 3040, 3043, 3046, 3051, 3057, 3060}

func busyboxTakes(code int, message, word string) bool {
	return slices.Contains(ashHas, code) || code == 3028 && (word == "$RANDOM" || word == "$HOSTNAME") || code == 3045 && strings.Contains(message, " read -")
}

func dashTakes(code int, _, word string) bool {
	return code == 3043 || code == 3013 || code == 3037 && word == "-n"
}

// bashTakes is true of all that POSIX leaves open: sh is bash.
func bashTakes(code int, _, _ string) bool { return code >= 3000 && code < 4000 }
