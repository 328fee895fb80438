package templates_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// An action is action.yml of a composite action (GitHub's "Metadata syntax").
type action struct {
	Name, Description, Author string
	Branding                  map[string]string
	Inputs                    map[string]struct {
		Description string
		Default     string
		Required    bool
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []step
	}
}

type step struct {
	ID, Name, If, Shell, Run, Uses string
	Env                            map[string]string
}

func readAction(t *testing.T, name string) (a action, dir string) {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("github", name))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&a); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return a, dir
}

var expression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

// A job is a run of an action's steps: what it is given and what it says.
type job struct {
	inputs, env map[string]string
	programs    string // a directory that comes first on PATH
	summary     string
	path        string // what was added to PATH
	output      string
}

// run runs the steps of an action as a runner does, as far as the expressions of
// ours go: inputs.NAME, and inputs.NAME == 'text' in if.
func (j *job) run(t *testing.T, name string) (outputs map[string]string, err error) {
	t.Helper()
	a, dir := readAction(t, name)
	for in := range j.inputs {
		if _, ok := a.Inputs[in]; !ok {
			t.Fatalf("%s has no input %s", name, in)
		}
	}
	input := func(in string) string {
		if v, ok := j.inputs[in]; ok {
			return v
		}
		return a.Inputs[in].Default
	}
	files := t.TempDir()
	results := map[string]string{}
	for _, s := range a.Runs.Steps {
		if s.If != "" {
			m := regexp.MustCompile(`^inputs\.([a-z-]+) == '(\w*)'$`).FindStringSubmatch(s.If)
			if m == nil {
				t.Fatalf("%s: the test cannot tell whether %q", name, s.If)
			}
			if input(m[1]) != m[2] {
				continue
			}
		}
		cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", s.Run)
		cmd.Dir = t.TempDir()
		cmd.Env = []string{"PATH=" + j.programs + ":" + os.Getenv("PATH"), "HOME=" + files, "GITHUB_ACTION_PATH=" + dir, "RUNNER_OS=Linux", "RUNNER_ARCH=X64", "RUNNER_TEMP=" + files}
		for _, f := range []string{"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH"} {
			cmd.Env = append(cmd.Env, f+"="+filepath.Join(files, f+s.ID))
			if err := os.WriteFile(filepath.Join(files, f+s.ID), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for k, v := range j.env {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		for k, v := range s.Env {
			cmd.Env = append(cmd.Env, k+"="+expression.ReplaceAllStringFunc(v, func(m string) string {
				return input(strings.TrimPrefix(expression.FindStringSubmatch(m)[1], "inputs."))
			}))
		}
		out, err := cmd.CombinedOutput()
		j.output += string(out)
		read := func(f string) string {
			data, err := os.ReadFile(filepath.Join(files, f+s.ID))
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		j.summary += read("GITHUB_STEP_SUMMARY")
		j.path += read("GITHUB_PATH")
		for k, v := range runnerFile(t, read("GITHUB_OUTPUT")) {
			results["steps."+s.ID+".outputs."+k] = v
		}
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, out)
		}
	}
	outputs = map[string]string{}
	for k, o := range a.Outputs {
		outputs[k] = results[expression.FindStringSubmatch(o.Value)[1]]
	}
	if left, _ := filepath.Glob(filepath.Join(files, "whittle-secrets.*")); left != nil {
		t.Errorf("secrets are left behind: %q", left)
	}
	return outputs, nil
}

// runnerFile reads NAME=VALUE and NAME<<END, as runners do.
func runnerFile(t *testing.T, text string) map[string]string {
	t.Helper()
	out := map[string]string{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if name, end, ok := strings.Cut(lines[i], "<<"); ok {
			var value []string
			for i++; i < len(lines) && lines[i] != end; i++ {
				value = append(value, lines[i])
			}
			out[name] = strings.Join(value, "\n")
		} else if name, value, ok := strings.Cut(lines[i], "="); ok {
			out[name] = value
		} else if lines[i] != "" {
			t.Errorf("%q is no output", lines[i])
		}
	}
	return out
}

// fakeWhittle puts a whittle into a directory that writes down how it is called
// and answers as the real one does.
func fakeWhittle(t *testing.T) (dir, calls string) {
	t.Helper()
	dir = t.TempDir()
	calls = filepath.Join(dir, "calls")
	script := `#!/bin/sh
{ printf 'call'; for a in "$@"; do printf '\t%s' "$a"; done; printf '\n'; } >>` + calls + `
for a in "$@"; do
  case $a in
    sarif=*) echo '{}' >"${a#sarif=}" ;;
    markdown=*) echo '### Lint' >"${a#markdown=}" ;;
    gitlab=*) echo '[]' >"${a#gitlab=}" ;;
    --secret=*) cat "${a#*src=}" >>` + dir + `/secrets; echo >>` + dir + `/secrets; stat -c %a "${a#*src=}" >>` + dir + `/modes ;;
  esac
done
[ "$1" = build ] || exit 0
prev=
for a in "$@"; do
  if [ "$prev" = --metadata-file ]; then printf '{\n  "containerimage.digest": "sha256:ab"\n}' >"$a"; fi
  prev=$a
done
case " $* " in *" --if-stale "*) printf '{\n  "digest": "sha256:ab",\n  "stale": false,\n  "reports": []\n}\n'; exit ;; esac
printf '{\n  "digest": "sha256:ab",\n  "reports": [{"platform": "linux/amd64", "before": {"bytes": 750000000, "files": 9, "packages": 3, "user": "root", "shell": "/bin/sh"}, "after": {"bytes": 9150000, "files": 5, "packages": 0, "user": "65532:65532"}, "warnings": [{"message": "look <here> | there"}]}]\n}\n'
`
	if err := os.WriteFile(filepath.Join(dir, "whittle"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir, calls
}

// called reads how the fake was called.
func called(t *testing.T, calls string) (out [][]string) {
	t.Helper()
	data, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		out = append(out, strings.Split(strings.TrimSuffix(line, "\n"), "\t")[1:])
	}
	return out
}

// TestActions holds the actions to what they have to be: every input and output
// described, used and defined, no text of an expression in a script, other
// actions by commit.
func TestActions(t *testing.T) {
	for _, name := range []string{"setup-whittle", "whittle-action"} {
		a, dir := readAction(t, name)
		if a.Runs.Using != "composite" || a.Name == "" || a.Description == "" {
			t.Errorf("%s: %+v", name, a)
		}
		used := map[string]bool{}
		ids := map[string]string{}
		for _, s := range a.Runs.Steps {
			if expression.MatchString(s.Run) {
				t.Errorf("%s: a script has an expression in it: %s", name, s.Run)
			}
			if s.Uses != "" && !regexp.MustCompile(`@[0-9a-f]{40}$`).MatchString(s.Uses) {
				t.Errorf("%s: %s is not by commit", name, s.Uses)
			}
			for _, v := range append(slices.Collect(mapsValues(s.Env)), "${{ "+strings.SplitN(s.If, " ", 2)[0]+" }}") {
				for _, m := range expression.FindAllStringSubmatch(v, -1) {
					if in, ok := strings.CutPrefix(m[1], "inputs."); ok {
						used[in] = true
						if _, ok := a.Inputs[in]; !ok {
							t.Errorf("%s: there is no input %s", name, in)
						}
					}
				}
			}
			m := regexp.MustCompile(`"\$GITHUB_ACTION_PATH/([a-z]+\.sh)"`).FindStringSubmatch(s.Run)
			if m == nil || s.Shell != "bash" {
				t.Fatalf("%s: a step runs no script: %q", name, s.Run)
			}
			info, err := os.Stat(filepath.Join(dir, m[1]))
			if err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("%s: %v, %v", name, err, info)
			}
			data, err := os.ReadFile(filepath.Join(dir, m[1]))
			if err != nil {
				t.Fatal(err)
			}
			ids[s.ID] = string(data)
			for k := range s.Env {
				if !strings.Contains(string(data), k) {
					t.Errorf("%s does not read %s", m[1], k)
				}
			}
			for _, m := range regexp.MustCompile(`INPUT_[A-Z_0-9]+`).FindAllString(string(data), -1) {
				if _, ok := s.Env[m]; !ok {
					t.Errorf("%s reads %s, which is not set", name, m)
				}
			}
		}
		for in, x := range a.Inputs {
			if !used[in] || x.Description == "" {
				t.Errorf("%s: the input %s is not used, or not described", name, in)
			}
		}
		for out, o := range a.Outputs {
			m := regexp.MustCompile(`^\$\{\{ steps\.(\w+)\.outputs\.([\w-]+) \}\}$`).FindStringSubmatch(o.Value)
			if m == nil || o.Description == "" || !strings.Contains(ids[m[1]], m[2]) {
				t.Errorf("%s: the output %s: %+v", name, out, o)
			}
		}
	}
}

func mapsValues(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// TestWhittleAction runs the action with inputs of every kind.
func TestWhittleAction(t *testing.T) {
	programs, calls := fakeWhittle(t)
	src := t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "Dockerfile"), []byte("FROM scratch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	j := &job{programs: programs, inputs: map[string]string{
		"context": src, "tags": "registry.example/a:1\n registry.example/a:2,registry.example/a:3 ", "push": "true", "sign": "true", "platforms": "linux/amd64\nlinux/arm64",
		"build-args": "A=$(touch owned)\nB=two words\n", "labels": "l=1", "secrets": "token=a=b\n", "cache-from": "type=registry,ref=x", "max-size": "20MB",
	}}
	got, err := j.run(t, "whittle-action")
	if err != nil {
		t.Fatal(err)
	}
	list := called(t, calls)
	if len(list) != 2 || !slices.Equal(list[0][:2], []string{"lint", "--format"}) || !slices.Equal(list[0][len(list[0])-4:], []string{"--context", src, "--", filepath.Join(src, "Dockerfile")}) {
		t.Errorf("lint: %q", list)
	}
	build := slices.DeleteFunc(slices.Clone(list[1]), func(s string) bool {
		return strings.Contains(s, "secret") || strings.Contains(s, "/whittle-metadata.json")
	})
	want := []string{
		"build", "--json", "--metadata-file", "--progress", "plain", "--tag=registry.example/a:1", "--tag=registry.example/a:2", "--tag=registry.example/a:3", "--label=l=1",
		"--platform=linux/amd64,linux/arm64", "--push", "--build-arg=A=$(touch owned)", "--build-arg=B=two words", "--cache-from=type=registry,ref=x", "--provenance=true", "--sbom=true", "--max-size=20MB", "--sign", "--keyless", "--", src,
	}
	if d := cmp.Diff(want, build); d != "" {
		t.Errorf("build (-want +got)\n%s", d)
	}
	for name, want := range map[string]string{"secrets": "a=b\n", "modes": "600\n"} {
		if data, err := os.ReadFile(filepath.Join(programs, name)); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v, want %q", name, data, err, want)
		}
	}
	for k, v := range map[string]string{"digest": "sha256:ab", "size-before": "750000000", "size-after": "9150000", "built": "true"} {
		if got[k] != v {
			t.Errorf("%s is %q, want %q", k, got[k], v)
		}
	}
	var metadata map[string]string
	if err := json.Unmarshal([]byte(got["metadata"]), &metadata); err != nil || metadata["containerimage.digest"] != "sha256:ab" {
		t.Errorf("metadata: %v, %q", err, got["metadata"])
	}
	if got["sarif"] == "" || got["report"] == "" {
		t.Errorf("outputs: %v", got)
	}
	if want := "### Lint\n### Image\n\n`sha256:ab`\n\n| platform |"; !strings.HasPrefix(j.summary, want) || !strings.Contains(j.summary, "| linux/amd64 | 750 MB | 9.15 MB | 9 → 5 | 3 → 0 | root → 65532:65532 | none |") || strings.Contains(j.summary, "<here>") {
		t.Errorf("the summary is\n%s", j.summary)
	}

	j = &job{programs: programs, inputs: map[string]string{"context": src, "if-stale": "true", "tags": "a"}}
	if got, err := j.run(t, "whittle-action"); err != nil || got["built"] != "false" || got["digest"] != "sha256:ab" {
		t.Errorf("nothing to do: %v, %v", got, err)
	}
	for _, bad := range []map[string]string{{"push": "maybe"}, {"secrets": "nothing"}} {
		bad["context"] = src
		if _, err := (&job{programs: programs, inputs: bad}).run(t, "whittle-action"); err == nil || !strings.Contains(err.Error(), "::error::") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestSetupWhittle installs a release from a server, and refuses all that is not
// what its checksum says.
func TestSetupWhittle(t *testing.T) {
	var archive bytes.Buffer
	z := gzip.NewWriter(&archive)
	w := tar.NewWriter(z)
	script := "#!/bin/sh\necho whittle $1\n"
	if err := w.WriteHeader(&tar.Header{Name: "whittle", Mode: 0o755, Size: int64(len(script))}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, script)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v0.1.0/whittle_0.1.0_linux_amd64.tar.gz" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(archive.Bytes())
	}))
	defer s.Close()
	sum := fmt.Sprintf("%x", sha256.Sum256(archive.Bytes()))
	j := &job{inputs: map[string]string{"version": "v0.1.0", "sha256": sum, "base-url": s.URL}}
	got, err := j.run(t, "setup-whittle")
	if err != nil {
		t.Fatal(err)
	}
	if got["version"] != "0.1.0" || filepath.Dir(got["path"]) != strings.TrimSpace(j.path) || !strings.Contains(j.output, "whittle version") {
		t.Errorf("%v, PATH gets %q\n%s", got, j.path, j.output)
	}
	for _, tc := range []struct {
		inputs, env map[string]string
		want        string
	}{
		{map[string]string{"version": "0.1.0", "sha256": strings.Repeat("0", 64)}, nil, "the checksum of whittle_0.1.0_linux_amd64.tar.gz is " + sum},
		{map[string]string{"version": "0.1.0"}, nil, "is not known; give it as sha256"},
		{map[string]string{"version": "0.2.0", "sha256": sum}, nil, "downloading whittle_0.2.0_linux_amd64.tar.gz failed"},
		{map[string]string{"version": "../0.1.0", "sha256": sum}, nil, "is no release"},
		{map[string]string{"version": "0.1.0", "sha256": sum}, map[string]string{"RUNNER_ARCH": "RISCV"}, "there is no whittle for RISCV"},
	} {
		tc.inputs["base-url"] = s.URL
		j := &job{inputs: tc.inputs, env: tc.env}
		if _, err := j.run(t, "setup-whittle"); err == nil || !strings.Contains(err.Error(), tc.want) || j.path != "" {
			t.Errorf("%v: %v, PATH gets %q, want %s", tc.inputs, err, j.path, tc.want)
		}
	}
}

var interpolation = regexp.MustCompile(`\$\[\[ inputs\.([a-z-]+) \]\]`)

// TestGitLab runs the scripts of the component as a runner's shell does.
func TestGitLab(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("gitlab", "whittle.yml"))
	if err != nil {
		t.Fatal(err)
	}
	header, body, ok := strings.Cut(string(data), "\n---\n")
	if !ok {
		t.Fatal("there is no header")
	}
	var spec struct {
		Spec struct {
			Inputs map[string]struct {
				Description, Type string
				Default           any
				Options           []string
			}
		}
	}
	d := yaml.NewDecoder(strings.NewReader(header))
	d.KnownFields(true)
	if err := d.Decode(&spec); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range interpolation.FindAllStringSubmatch(body, -1) {
		used[m[1]] = true
		if _, ok := spec.Spec.Inputs[m[1]]; !ok {
			t.Errorf("there is no input %s", m[1])
		}
	}
	for in, x := range spec.Spec.Inputs {
		if !used[in] || x.Description == "" {
			t.Errorf("the input %s is not used, or not described", in)
		}
	}
	src := t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "Dockerfile"), []byte("FROM scratch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"context": src, "tag": "registry.example/a:1", "build-args": `["A=$(touch owned)", "B=two words"]`, "sign": "true", "image": "x", "platforms": "linux/amd64,linux/arm64", "if-stale": "false"}
	text := interpolation.ReplaceAllStringFunc(body, func(m string) string {
		in := interpolation.FindStringSubmatch(m)[1]
		if v, ok := given[in]; ok {
			return v
		}
		if v := spec.Spec.Inputs[in].Default; v != nil {
			return fmt.Sprint(v)
		}
		return ""
	})
	var jobs map[string]struct {
		Stage, Image string
		Variables    map[string]string
		Script       []string
		Needs        []string
		IDTokens     any `yaml:"id_tokens"`
		Artifacts    any
	}
	d = yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&jobs); err != nil {
		t.Fatal(err)
	}
	programs, calls := fakeWhittle(t)
	work := t.TempDir()
	for _, name := range []string{"whittle-lint", "whittle-build"} {
		x := jobs[name]
		for _, line := range x.Script {
			cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", line)
			cmd.Dir = work
			cmd.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "CI_REGISTRY=registry.example", "CI_REGISTRY_USER=u", "CI_REGISTRY_PASSWORD=p"}
			for k, v := range x.Variables {
				cmd.Env = append(cmd.Env, k+"="+v)
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, out)
			}
		}
	}
	want := [][]string{
		{"lint", "--context", src, "--fail-on", "error", "--format", "text", "--format", "gitlab=whittle-lint.json", "--", filepath.Join(src, "Dockerfile")},
		{
			"build", "--progress", "plain", "--json", "--metadata-file", "whittle-metadata.json", "--tag=registry.example/a:1", "--push", "--sbom", "--provenance", "--platform=linux/amd64,linux/arm64",
			"--sign", "--keyless", "--build-arg=A=$(touch owned)", "--build-arg=B=two words", "--", src,
		},
	}
	if d := cmp.Diff(want, called(t, calls)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if env, err := os.ReadFile(filepath.Join(work, "whittle.env")); err != nil || string(env) != "WHITTLE_DIGEST=sha256:ab\n" {
		t.Errorf("whittle.env: %q, %v", env, err)
	}
	if _, err := os.Stat(filepath.Join(work, ".whittle-docker")); err == nil {
		t.Error("the registry's credentials are left behind")
	}
}

// TestMake runs the targets of whittle.mk.
func TestMake(t *testing.T) {
	programs, calls := fakeWhittle(t)
	fragment, err := filepath.Abs("whittle.mk")
	if err != nil {
		t.Fatal(err)
	}
	src := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(src, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("Makefile", "include "+fragment+"\n")
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "make", append([]string{"-s"}, args...)...)
		cmd.Dir = src
		cmd.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("image-build"); err == nil || !strings.Contains(out, "IMAGE is not set") {
		t.Errorf("without IMAGE: %v\n%s", err, out)
	}
	if out, err := run("image-lint", "image-build", "image-init", "IMAGE=x:1"); err != nil || !strings.Contains(out, "there is no ./Dockerfile to lint") {
		t.Errorf("without a Dockerfile: %v\n%s", err, out)
	}
	write("Dockerfile", "FROM scratch\n")
	if out, err := run("image-lint", "image-rebuild", "image-sign", "image-verify", "image-inspect", "image-diff", "image-pin", "image-pin-check", "IMAGE=x:1", "OLD=x:0", "PLATFORMS=linux/amd64", "ATTESTATIONS=spdx"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	want := []string{
		"build . -t x:1 --push --sbom --provenance --base-labels", "init .",
		"lint --context . ./Dockerfile", "build . -f ./Dockerfile -t x:1 --platform linux/amd64 --push --sbom --provenance --if-stale", "sign --key cosign.key x:1", "attest --key cosign.key x:1",
		"verify --key cosign.pub --attestation spdx x:1", "inspect x:1", "diff x:0 x:1", "pin --update ./Dockerfile", "pin --check ./Dockerfile",
	}
	var got []string
	for _, c := range called(t, calls) {
		got = append(got, strings.Join(c, " "))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestRenovate holds the preset's pattern to a configuration.
func TestRenovate(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("renovate", "default.json"))
	if err != nil {
		t.Fatal(err)
	}
	var preset struct {
		CustomManagers []struct {
			MatchStrings        []string `json:"matchStrings"`
			ManagerFilePatterns []string `json:"managerFilePatterns"`
		} `json:"customManagers"`
	}
	if err := json.Unmarshal(data, &preset); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(preset.CustomManagers[0].MatchStrings[0]) // RE2, as Renovate's own
	digest := "sha256:" + strings.Repeat("a", 64)
	for text, want := range map[string][]string{
		"  syntax-aliases: [registry.example:5000/team/whittle:1.2@" + digest + "]": {"registry.example:5000/team/whittle", "1.2", digest},
		"base: debian:12@" + digest: {"debian", "12", digest},
		"base: debian:12":           nil,
		"base: debian@" + digest:    nil,
	} {
		got := m.FindStringSubmatch(text)
		if len(got) > 0 {
			got = got[1:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	file := strings.Trim(preset.CustomManagers[0].ManagerFilePatterns[0], "/")
	if p := regexp.MustCompile(file); !p.MatchString("app/.whittle.yaml") || !p.MatchString(".whittle.yml") || p.MatchString("whittle.yaml") {
		t.Errorf("the pattern of files is %s", file)
	}
}

// TestWorkflows holds the workflows to least permissions and commits.
func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("github", "workflows", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var w struct {
			Permissions map[string]string
			Jobs        map[string]struct {
				Permissions map[string]string
				Steps       []struct {
					Uses, Run string
					With      map[string]string
				}
			}
		}
		if err := yaml.Unmarshal(data, &w); err != nil {
			t.Fatal(err)
		}
		if w.Permissions == nil || len(w.Permissions) > 0 {
			t.Errorf("%s does not take all permissions away", f)
		}
		for name, j := range w.Jobs {
			if len(j.Permissions) == 0 {
				t.Errorf("%s: the job %s says no permissions", f, name)
			}
			for _, s := range j.Steps {
				if s.Uses != "" && !regexp.MustCompile(`@[0-9a-f]{40}$`).MatchString(s.Uses) {
					t.Errorf("%s: %s is not by commit", f, s.Uses)
				}
				if expression.MatchString(s.Run) {
					t.Errorf("%s: a script has an expression in it: %s", f, s.Run)
				}
				if action, ok := strings.CutPrefix(s.Uses, "whittle-oci/whittle/templates/github/"); ok {
					a, _ := readAction(t, strings.SplitN(action, "@", 2)[0])
					for in := range s.With {
						if _, ok := a.Inputs[in]; !ok {
							t.Errorf("%s: %s has no input %s", f, s.Uses, in)
						}
					}
				}
			}
		}
	}
}
