package main

import (
	"go/build"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const mod = "github.com/whittle-oci/whittle/"

// The left side may reach nothing, by any path, whose import path begins with
// one of the right.
var unreachable = map[string][]string{
	"lint/source":         {mod, "github.com/", "golang.org/", "go.yaml.in/"},
	"lint/ignorefile":     {mod + "lint/rules", mod + "builder", mod + "cmd", "net/http", "os/exec", "github.com/moby/buildkit/client"},
	"lint/embedded":       {mod + "lint/rule", mod + "lint/dockerfile", mod + "lint/fix", mod + "builder", "golang.org/", "go.yaml.in/"},
	"lint/fix":            {mod + "lint/rule", mod + "lint/dockerfile"},
	"lint":                {mod + "lint/rules", mod + "builder", mod + "signing", mod + "cmd", "github.com/sirupsen/logrus", "net/http", "github.com/moby/buildkit/client"},
	"lint/rules":          {mod + "builder", mod + "cmd", "github.com/sirupsen/logrus", "net/http", "os/exec", "github.com/moby/buildkit/client"},
	"lint/baseline":       {mod + "lint/rules", mod + "builder", mod + "cmd", "net/http", "os/exec"},
	"lint/format":         {mod + "lint/rules", mod + "builder", mod + "cmd", "net/http", "os/exec"},
	"lint/convert":        {mod + "lint/rule", mod + "builder", "net/http", "os/exec", "github.com/sirupsen/logrus", "github.com/moby/buildkit/client"},
	"lint/config":         {mod + "builder", "net/http", "github.com/moby/buildkit"},
	"lint/custom":         {mod + "lint/rules", mod + "builder", mod + "cmd", "net/http", "os/exec"},
	"lint/hadolint":       {mod + "lint/rules", mod + "builder", mod + "cmd", "net/http", "os/exec"},
	"lint/setup":          {mod + "lint/rules", mod + "builder", mod + "cmd", "net/http", "os/exec"},
	"lint/credential":     {mod, "github.com/", "golang.org/", "net/http"},
	"lint/suggest":        {mod, "golang.org/", "net/http", "os/exec"},
	"lint/command":        {mod, "github.com/", "golang.org/", "net/http", "os/exec"},
	"lint/buildcontext":   {mod + "lint/rule", mod + "builder", "net/http", "os/exec", "github.com/moby/buildkit", "github.com/docker/buildx"},
	"lint/pin":            {mod + "lint/rules", mod + "builder", mod + "signing", "github.com/moby/buildkit/client", "github.com/zricethezav"},
	"lint/secrets":        {mod + "lint/rules", mod + "lint/pin", mod + "builder", "github.com/moby/buildkit/client"},
	"lint/discover":       {mod + "lint/rule", mod + "builder", "net/http", "os/exec", "github.com/moby/buildkit", "github.com/docker/buildx"},
	"lint/lsp":            {mod + "lint/rules", mod + "lint/buildkit", mod + "builder", mod + "cmd", "net/http", "os/exec", "github.com/moby/buildkit/client"},
	"lint/shellcheck":     {mod + "lint/rules", mod + "builder", mod + "cmd", "net/http", "github.com/moby/buildkit/client"},
	"lint/suppress":       {mod + "builder", "net/http", "github.com/moby/buildkit"},
	"builder/tree":        {mod + "builder/", "github.com/", "net/http"},
	"builder/rootfs":      {"github.com/moby/buildkit", "github.com/google/go-containerregistry", "net/http"},
	"builder/packages":    {"github.com/moby/buildkit", "github.com/google/go-containerregistry", "net/http"},
	"builder/image":       {"github.com/moby/buildkit", "github.com/google/go-containerregistry", "net/http"},
	"builder/need":        {"github.com/moby/buildkit", "github.com/google/go-containerregistry", "net/http"},
	"builder/decide":      {"github.com/moby/buildkit", "github.com/google/go-containerregistry", "net/http"},
	"builder/inspect":     {"github.com/moby/buildkit", mod + "builder/frontend", mod + "builder/engine", mod + "lint", mod + "signing", mod + "cmd"},
	"builder/page":        {"github.com/moby/buildkit", mod + "builder/frontend", mod + "builder/engine", mod + "lint", mod + "signing", mod + "cmd"},
	"builder/outlook":     {"github.com/google/go-containerregistry", mod + "builder/frontend", mod + "builder/engine", mod + "lint", mod + "signing", mod + "cmd"},
	"builder/report":      {"github.com/moby/buildkit", "github.com/google/go-containerregistry", "net/http"},
	"builder/smoke":       {"github.com/moby/buildkit", "github.com/google/go-containerregistry", mod + "builder/decide", mod + "lint", mod + "signing", mod + "cmd"},
	"builder/sbom":        {"github.com/moby/buildkit", "github.com/google/go-containerregistry"},
	"builder/frontend":    {mod + "lint/rules", mod + "lint", mod + "signing", mod + "cmd", "github.com/sigstore/", "github.com/google/go-containerregistry"},
	"builder/engine":      {mod + "lint", mod + "signing", mod + "cmd", "github.com/sigstore/cosign"},
	"builder/oci":         {mod, "github.com/moby/buildkit", "github.com/sigstore/", "github.com/docker/buildx", "github.com/containerd/containerd"},
	"builder/oci/staging": {mod, "github.com/", "golang.org/", "net/http"},
	"builder/oci/layers":  {mod + "lint", mod + "signing", mod + "cmd", mod + "builder/decide", "github.com/moby/buildkit", "github.com/containerd/containerd"},
	"builder/oci/spool":   {mod, "github.com/"},
	"builder/sink/llb":    {mod + "lint", mod + "signing", mod + "cmd", "github.com/google/go-containerregistry"},
	"builder/sink/oci":    {mod + "lint", mod + "signing", "github.com/moby/buildkit"},
	"builder/pack":        {mod + "lint", mod + "signing", "github.com/moby/buildkit"},
	"templates":           {mod + "builder", mod + "lint/rule", mod + "lint/dockerfile", mod + "signing", mod + "cmd", "net/http", "os/exec", "text/template", "github.com/moby/buildkit"},
	"signing/predicate":   {mod, "github.com/", "golang.org/", "net/http", "os/exec"},
	"signing/token":       {mod, "github.com/", "golang.org/", "os/exec"},
	"signing/admission":   {mod + "builder", mod + "lint", mod + "cmd", "github.com/moby/buildkit"},
	"signing/carry":       {mod + "builder", mod + "lint", mod + "cmd", "github.com/moby/buildkit", "github.com/sigstore/"},
	"signing/config":      {mod + "builder", mod + "lint", mod + "cmd", "github.com/moby/buildkit"},
	"signing":             {mod + "builder", mod + "lint", mod + "cmd", "github.com/moby/buildkit"},

	"builder/probe":           {mod, "github.com/", "golang.org/", "net/http", "os/exec"},
	"builder/debug":           {mod, "github.com/moby/buildkit"},
	"builder/sink/dockerfile": {mod + "builder/frontend", mod + "builder/decide", mod + "lint", mod + "signing", mod + "cmd", "github.com/google/go-containerregistry", "github.com/moby/buildkit/client/llb", "net/http"},
}

// leaves are the packages that several parts share. They reach nothing of ours
// but each other, so that a ban on the part they lie in does not mean them.
var leaves = []string{mod + "builder/oci", mod + "builder/oci/staging", mod + "lint/credential", mod + "lint/command", mod + "lint/suggest"}

// Only the packages on the right may name what is on the left in their own
// files.
var wrapped = map[string][]string{
	"github.com/zricethezav/":    {"lint/secrets"},
	"github.com/sigstore/":       {"signing/internal/cosign"},
	"github.com/agext/":          {"lint/suggest"},
	"github.com/sirupsen/logrus": {"cmd/", "builder/engine", "signing"},
}

// pure are what a rule's own files may not name: it is a function of a file.
var pure = []string{"os", "context", "time", "net", "os/exec"}

func TestReach(t *testing.T) {
	for pkg, banned := range unreachable {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", mod+pkg).Output()
		if err != nil {
			t.Fatalf("%s: %v", pkg, err)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			if dep == mod+pkg || slices.Contains(leaves, dep) {
				continue
			}
			if slices.ContainsFunc(banned, func(b string) bool { return strings.HasPrefix(dep, b) }) {
				t.Errorf("%s reaches %s", pkg, dep)
			}
		}
	}
}

func TestImports(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if n := d.Name(); n != ".." && (strings.HasPrefix(n, ".") || n == "testdata") {
			return filepath.SkipDir
		}
		p, err := build.ImportDir(dir, 0)
		if err != nil {
			return nil // no Go files here
		}
		rel, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		for _, i := range p.Imports {
			for banned, allowed := range wrapped {
				if strings.HasPrefix(i, banned) && !slices.ContainsFunc(allowed, func(a string) bool { return strings.HasPrefix(rel, a) }) {
					t.Errorf("%s imports %s", rel, i)
				}
			}
			if rel == "lint/rules" && slices.Contains(pure, i) {
				t.Errorf("a rule imports %s", i)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
