package families

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
	// Next is what does get them: "debian 12".
	Next string
}

// lines are releases that have ended, by the name of the image on Docker Hub:
// each version with the month of its end, and behind > the first version that
// is looked after. The dates are those that the makers announce.
var lines = map[string]string{
	"debian":        "6 2016-02 7 2018-05 8 2020-06 9 2022-06 10 2024-06 11 2026-08 > 12",
	"ubuntu":        "12.04 2017-04 14.04 2019-04 16.04 2021-04 18.04 2023-05 20.04 2025-05 20.10 2021-07 21.04 2022-01 21.10 2022-07 22.10 2023-07 23.04 2024-01 23.10 2024-07 24.10 2025-07 25.04 2026-01 > 22.04",
	"alpine":        "3.9 2020-11 3.10 2021-05 3.11 2021-11 3.12 2022-05 3.13 2022-11 3.14 2023-05 3.15 2023-11 3.16 2024-05 3.17 2024-11 3.18 2025-05 3.19 2025-11 3.20 2026-04 3.21 2026-11 > 3.22",
	"centos":        "5 2017-03 6 2020-11 7 2024-06 8 2021-12 > 9",
	"fedora":        "37 2023-12 38 2024-05 39 2024-11 40 2025-05 41 2025-12 42 2026-05 > 43",
	"oraclelinux":   "6 2021-03 7 2024-12 > 8",
	"amazonlinux":   "1 2023-12 2 2026-06 2016.09 2023-12 2017.03 2023-12 2017.09 2023-12 2018.03 2023-12 > 2023",
	"opensuse/leap": "42.1 2017-05 42.2 2018-01 42.3 2019-07 15.0 2019-12 15.1 2021-02 15.2 2022-01 15.3 2022-12 15.4 2023-12 15.5 2024-12 > 15.6",
	"node":          "8 2019-12 9 2018-06 10 2021-04 11 2019-06 12 2022-04 13 2020-06 14 2023-04 15 2021-06 16 2023-09 17 2022-06 18 2025-04 19 2023-06 20 2026-04 21 2024-06 23 2025-06 25 2026-06 > 22",
	"python":        "2.7 2020-01 3.4 2019-03 3.5 2020-09 3.6 2021-12 3.7 2023-06 3.8 2024-10 3.9 2025-10 3.10 2026-10 > 3.11",
	"golang":        "1.18 2023-02 1.19 2023-08 1.20 2024-02 1.21 2024-08 1.22 2025-02 1.23 2025-08 1.24 2026-02 > 1.25",
	"php":           "5.6 2018-12 7.0 2019-01 7.1 2019-12 7.2 2020-11 7.3 2021-12 7.4 2022-11 8.0 2023-11 8.1 2025-12 > 8.2",
	"ruby":          "2.5 2021-03 2.6 2022-04 2.7 2023-03 3.0 2024-04 3.1 2025-03 3.2 2026-03 > 3.3",
	"postgres":      "9.5 2021-02 9.6 2021-11 10 2022-11 11 2023-11 12 2024-11 13 2025-11 14 2026-11 > 15",
	"mysql":         "5.5 2018-12 5.6 2021-02 5.7 2023-10 8.0 2026-04 > 8.4",
	"mariadb":       "10.1 2020-10 10.2 2022-05 10.3 2023-05 10.4 2024-06 10.5 2025-06 > 10.6",
	"mongo":         "3.6 2021-04 4.0 2022-04 4.2 2023-04 4.4 2024-02 5.0 2024-10 6.0 2025-07 > 7.0",
	".NET":          "2.1 2021-08 2.2 2019-12 3.0 2020-03 3.1 2022-12 5.0 2022-05 6.0 2024-11 7.0 2024-05 8.0 2026-11 9.0 2026-11 > 10.0",
}

// codenames are the versions that tags name by a word.
var codenames = map[string]string{
	"squeeze": "debian 6", "wheezy": "debian 7", "jessie": "debian 8", "stretch": "debian 9", "buster": "debian 10", "bullseye": "debian 11",
	"precise": "ubuntu 12.04", "trusty": "ubuntu 14.04", "xenial": "ubuntu 16.04", "bionic": "ubuntu 18.04", "focal": "ubuntu 20.04",
}

// interim are those of Ubuntu's releases in between. Other images have such
// words for releases of their own: ros:kinetic is one of ROS.
var interim = map[string]string{
	"groovy": "ubuntu 20.10", "hirsute": "ubuntu 21.04", "impish": "ubuntu 21.10", "kinetic": "ubuntu 22.10", "lunar": "ubuntu 23.04", "mantic": "ubuntu 23.10", "oracular": "ubuntu 24.10", "plucky": "ubuntu 25.04",
}

// gone are images that get no updates whatever their tag says.
var gone = map[string]End{
	"java":    {When: "January 2017", Next: "eclipse-temurin"},
	"openjdk": {When: "July 2022", Next: "eclipse-temurin"},
}

// Ended reports whether an image is of a release that gets no updates any more,
// by its name and tag: of the program, or of the distribution under it.
func Ended(ref string) (e End, ended bool) {
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

// endOf looks a version up among those of its line.
func endOf(line, version string) (End, bool) {
	known, next, ok := strings.Cut(lines[line], " > ")
	v := numbers(version)
	if !ok || len(v) == 0 {
		return End{}, false
	}
	// A version that ends a line of its own, or comes before the first that is
	// looked after.
	ended := older(v, numbers(next))
	e := End{What: line + " " + version, Next: line + " " + next + " or later"}
	fields := strings.Fields(known)
	for i := 0; i+1 < len(fields); i += 2 {
		of := numbers(fields[i])
		if n := min(len(of), len(v)); slices.Equal(of[:n], v[:n]) && (len(v) >= len(of) || ended) {
			e.When, ended = month(fields[i+1]), true
		}
	}
	return e, ended
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
	year, number, _ := strings.Cut(text, "-")
	n, _ := strconv.Atoi(number)
	return []string{"", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}[n] + " " + year
}
