package dockerfile

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// A userFile is the Dockerfile of the user, with a name for the stage that is
// copied from.
type userFile struct {
	text               []byte
	escape             rune
	stage, directories string // names
}

// readSource reads the Dockerfile, names the stage that was planned where it
// has no name, and sees to it that BuildKit's own frontend reads it.
func readSource(src Source) (*userFile, error) {
	parsed, err := parser.Parse(bytes.NewReader(src.Text))
	if err != nil {
		return nil, err
	}
	stages, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{}))
	if err != nil {
		return nil, err
	}
	if len(stages) == 0 {
		return nil, fmt.Errorf("the Dockerfile has no stage")
	}
	u := &userFile{text: src.Text, escape: parsed.EscapeToken}
	taken := map[string]bool{}
	built := len(stages) - 1
	for i, st := range stages {
		taken[strings.ToLower(st.Name)] = true
		if src.Target != "" && (strings.EqualFold(st.Name, src.Target) || strconv.Itoa(i) == src.Target) {
			built = i
		}
	}
	free := func(name string) string {
		out := name
		// Not the name of an image that something is copied from, either.
		for n := 2; taken[out] || bytes.Contains(src.Text, []byte("from="+out)); n++ {
			out = fmt.Sprintf("%s-%d", name, n)
		}
		taken[out] = true
		return out
	}
	u.stage, u.directories = stages[built].Name, free("directories")
	if u.stage == "" {
		u.stage = free("built")
		u.text = named(u.text, stages[built].Location, u.stage)
	}
	u.text = syntax(u.text)
	return u, nil
}

// named adds the name of a stage to its FROM.
func named(data []byte, at []parser.Range, name string) []byte {
	lines := strings.SplitAfter(string(data), "\n")
	for i := at[len(at)-1].End.Line - 1; i >= at[0].Start.Line-1; i-- {
		line := strings.TrimRight(lines[i], " \t\r\n")
		if line == "" || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		lines[i] = line + " AS " + name + lines[i][len(line):]
		break
	}
	return []byte(strings.Join(lines, ""))
}

// The version of the Dockerfile syntax that has all that is written.
const major, minor = 1, 20

// syntax takes out a frontend other than Docker's, which served this file, and
// an older version of Docker's.
func syntax(data []byte) []byte {
	ref, _, at, ok := parser.DetectSyntax(data)
	if !ok || len(at) == 0 {
		return data
	}
	image, _, _ := strings.Cut(strings.TrimSpace(ref), " ")
	image, _, _ = strings.Cut(image, "@")
	repo, tag := image, ""
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		repo, tag = image[:i], image[i+1:]
	}
	dockers := strings.HasSuffix(repo, "docker/dockerfile") || strings.HasSuffix(repo, "docker/dockerfile-upstream")
	if dockers && !older(tag) {
		return data
	}
	lines := strings.SplitAfter(string(data), "\n")
	line := at[0].Start.Line - 1
	if line < 0 || line >= len(lines) {
		return data
	}
	if dockers {
		lines[line] = strings.Replace(lines[line], ref, repo+":1", 1)
	} else {
		lines[line] = ""
	}
	return []byte(strings.Join(lines, ""))
}

// older reports whether a tag is a version before the one that is needed.
// Others, such as "1" and "latest", are none in particular.
func older(tag string) bool {
	version, _, _ := strings.Cut(tag, "-")
	parts := strings.Split(version, ".")
	x, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) < 2 {
		return false
	}
	y, err := strconv.Atoi(parts[1])
	return err == nil && (x < major || x == major && y < minor)
}
