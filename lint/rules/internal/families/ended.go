package families

//go:generate go run ../../../internal/eoldata -data data -date 2026-11-30 -out ended_data.go

import (
	"slices"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

// An End says that an image gets no updates any more.
type End struct {
	What string // the release that has ended, "debian 8"; "" for the image itself
	// Under is true where that is the distribution under another image.
	Under bool
	When  string // the month, as "June 2020"; "" for long ago
	// AsOf is the month of the data that says so.
	AsOf string
	// Next is what does get them: "debian 12".
	Next string
}

// codenames are the versions that tags name by a word.
var codenames = map[string]string{
	"squeeze": "debian 6", "wheezy": "debian 7", "jessie": "debian 8", "stretch": "debian 9", "buster": "debian 10", "bullseye": "debian 11",
	"precise": "ubuntu 12.04", "trusty": "ubuntu 14.04", "xenial": "ubuntu 16.04", "bionic": "ubuntu 18.04", "focal": "ubuntu 20.04",
}

// interim are those of Ubuntu's releases in between. Other images have such
// words for releases of their own: ros:kinetic is one of ROS.
var interim = map[string]string{
	"groovy": "ubuntu 20.10", "hirsute": "ubuntu 21.04", "impish": "ubuntu 21.10", "kinetic": "ubuntu 22.10", "lunar": "ubuntu 23.04", "mantic": "ubuntu 23.10", "oracular": "ubuntu 24.10", "plucky": "ubuntu 25.04", "questing": "ubuntu 25.10",
}

// nanoserver are tags of Windows' nanoserver image, whose versions are no numbers
// in order (learn.microsoft.com/lifecycle/products, Windows Server, as of November
// 2026; the image of 2019 has mainstream support only).
var nanoserver = map[string]string{
	"1709": "2019-04", "1803": "2019-11", "1809": "2024-01", "ltsc2019": "2024-01", "1903": "2020-12", "1909": "2021-05", "2004": "2021-12", "20H2": "2022-08",
}

// gone are images that get no updates whatever their tag says.
var gone = map[string]End{
	"java":    {When: "January 2017", Next: "eclipse-temurin"},
	"openjdk": {When: "July 2022", Next: "eclipse-temurin"},
}

// Ended reports whether an image is of a release that gets no updates any more,
// by its name and tag: of the program, or of the distribution under it.
func Ended(ref string) (e End, ended bool) {
	if e, ended = end(ref); ended {
		e.AsOf = month(asOf)
	}
	return e, ended
}

func end(ref string) (e End, ended bool) {
	name, tag, _ := walk.Image(ref)
	short := official(name)
	words := strings.FieldsFunc(tag, func(r rune) bool { return r == '-' || r == '_' })
	first := ""
	if len(words) > 0 {
		first = strings.TrimPrefix(words[0], "v")
	}
	switch e, ok := gone[short]; {
	case ok && short == "openjdk" && early(words):
		// Only previews of coming releases are still made.
	case ok:
		return e, true
	case strings.HasPrefix(name, "registry.access.redhat.com/ubi7"):
		return End{What: "UBI 7", When: "June 2024", Next: "UBI 9"}, true
	case strings.HasSuffix(name, "mcr.microsoft.com/windows/nanoserver"):
		when, ok := nanoserver[first]
		return End{What: "nanoserver " + first, When: month(when), Next: "nanoserver ltsc2022 or later"}, ok
	case (short == "centos" || name == "quay.io/centos/centos") && strings.HasPrefix(first, "stream"):
		return endOf("centos stream", strings.TrimPrefix(first, "stream"))
	case name == "quay.io/centos/centos":
		return End{}, false
	case short == "centos":
		if first = strings.TrimPrefix(first, "centos"); len(numbers(first)) == 0 {
			first = "8" // which latest stayed at
		}
		e, ended := endOf(short, first)
		e.Next = "CentOS Stream, Rocky Linux or AlmaLinux"
		return e, ended
	}
	if rest, ok := strings.CutPrefix(name, "mcr.microsoft.com/dotnet/"); ok && slices.Contains([]string{"sdk", "aspnet", "runtime", "runtime-deps"}, strings.TrimPrefix(rest, "core/")) {
		short = ".NET"
	}
	if e, ended := endOf(short, first); ended {
		return e, true
	}
	for _, w := range words {
		system := codenames[w]
		if short == "ubuntu" && system == "" {
			system = interim[w]
		}
		if v, ok := strings.CutPrefix(w, "alpine"); ok && v != "" {
			system = "alpine " + v
		}
		if line, v, ok := strings.Cut(system, " "); ok {
			if e, ended := endOf(line, v); ended {
				e.Under = line != short
				return e, true
			}
		}
	}
	return End{}, false
}

// early reports whether the words of a tag name a preview.
func early(words []string) bool { return slices.Contains(words, "ea") }

// official is the name of an image on Docker Hub, without what it may leave
// out, and without the architecture that official images are also kept under.
func official(name string) string {
	for _, p := range []string{"docker.io/", "index.docker.io/", "mirror.gcr.io/", "public.ecr.aws/docker/", "library/"} {
		name = strings.TrimPrefix(name, p)
	}
	if arch, rest, ok := strings.Cut(name, "/"); ok && slices.Contains([]string{"amd64", "i386", "arm32v5", "arm32v6", "arm32v7", "arm64v8", "ppc64le", "s390x", "riscv64", "mips64le"}, arch) {
		return rest
	}
	return name
}

// endOf looks a version up among those of its line. Nothing is known of one below
// the first row.
func endOf(line, version string) (End, bool) {
	rows, v := strings.Fields(lines[line]), numbers(version)
	if len(rows) < 2 || len(v) == 0 || older(v, numbers(rows[0])) {
		return End{}, false
	}
	e := End{What: line + " " + version}
	found, supported := false, ""
	for i := 0; i+1 < len(rows); i += 2 {
		of, when := numbers(rows[i]), rows[i+1]
		same := len(of) > 0 && slices.Equal(of[:min(len(of), len(v))], v[:min(len(of), len(v))])
		switch {
		case same && when == "-":
			return End{}, false // of some of them, where the version is cut short
		case same:
			found, e.When = true, month(when)
		case when == "-" && older(v, of) && supported == "":
			supported = rows[i]
		}
	}
	if supported != "" {
		e.Next = line + " " + supported + " or later"
	}
	// One in between without a row of its own was never looked after for long.
	return e, found || supported != "" && older(v, numbers(firstSupported(rows)))
}

// firstSupported is the oldest release that is looked after.
func firstSupported(rows []string) string {
	for i := 0; i+1 < len(rows); i += 2 {
		if rows[i+1] == "-" {
			return rows[i]
		}
	}
	return ""
}

// numbers takes the numbers at the beginning of a version apart.
func numbers(version string) []int {
	var out []int
	for part := range strings.SplitSeq(version, ".") {
		digits := part[:len(part)-len(strings.TrimLeft(part, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil || n > 9999 {
			break // such as the day of a snapshot
		}
		if out = append(out, n); digits != part {
			break
		}
	}
	return out
}

// older reports whether a version comes before another in the numbers that both
// have.
func older(a, b []int) bool {
	n := min(len(a), len(b))
	return slices.Compare(a[:n], b[:n]) < 0
}

// month writes 2020-06 as June 2020.
func month(text string) string {
	year, number, ok := strings.Cut(text, "-")
	n, _ := strconv.Atoi(number)
	if !ok || n < 1 || n > 12 {
		return "" // nobody says
	}
	return []string{"", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}[n] + " " + year
}
