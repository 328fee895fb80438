//go:build linux

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestDryRun prints the plan and exports nothing.
func TestDryRun(t *testing.T) {
	ref := reference("dry")
	text := whittle(t, shared(), "build", "testdata/apps/gohello", "-t", ref, "--push", "--dry-run", "--progress", "quiet")
	if text.code != 0 || !strings.Contains(text.stdout, "/hello  ENTRYPOINT") {
		t.Errorf("exit %d\n%s%s", text.code, text.stdout, text.stderr)
	}
	machine := whittle(t, shared(), "build", "testdata/apps/gohello", "-t", ref, "--push", "--dry-run", "--json", "--progress", "quiet")
	type file struct{ Path, Reason string }
	var got struct {
		Digest string
		Plans  []struct {
			Files []file
		}
	}
	if err := json.Unmarshal([]byte(machine.stdout), &got); err != nil {
		t.Fatalf("%v\n%s", err, machine.stdout)
	}
	if got.Digest != "" || len(got.Plans) != 1 || !slices.Contains(got.Plans[0].Files, file{"/hello", "ENTRYPOINT"}) {
		t.Errorf("plan %+v", got)
	}
	absent(t, ref)
}

// TestSlim makes the minimal form of an image that exists.
func TestSlim(t *testing.T) {
	ref := reference("slim")
	res := whittle(t, shared(), "slim", world.registry.Addr+"/library/debian:12", "-t", ref, "--push")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	img := pull(t, ref)
	if n := sum(files(t, img)); n > 20_000_000 {
		t.Errorf("%d bytes of files are left of a Debian with nothing but a shell", n)
	}
	c := unpack(t, img)
	for _, user := range []string{ownUser, randomUser} {
		if got := c.output(t, user, "bash", "-c", "echo $((6*7))"); strings.TrimSpace(got) != "42" {
			t.Errorf("as %q: %q", user, got)
		}
	}
}

// TestTarget builds a stage as it is written, unless it is asked for small.
func TestTarget(t *testing.T) {
	_, plain, res := build(t, "multistage", "--target", "build")
	if !strings.Contains(res.stderr, "the target build is not the last stage, so it is built as written") {
		t.Errorf("no warning\n%s", res.stderr)
	}
	if n := len(files(t, plain)); n < 1000 {
		t.Errorf("%d files, want the whole stage", n)
	}
	c := unpack(t, plain)
	for _, user := range []string{ownUser, randomUser} {
		if got := c.output(t, user, "/bin/sh", "-c", "test -d /usr/lib && echo whole"); !strings.Contains(got, "whole") {
			t.Errorf("as %q it printed %q", user, got)
		}
	}
}

// TestKeepsRoot leaves root to an entrypoint that changes who runs.
func TestKeepsRoot(t *testing.T) {
	dir := dockerfile(t, "FROM muslbox:1\nCOPY --chmod=0755 <<EOF /run.sh\n#!/bin/sh\nchown 1 /tmp\nexec echo started\nEOF\nENTRYPOINT [\"/run.sh\"]\n")
	ref := reference("root")
	res := whittle(t, shared(), "build", dir, "-t", ref, "--push", "--progress", "quiet")
	if res.code != 0 || !strings.Contains(res.stderr, "/run.sh runs chown, which needs root, so the image runs as root") {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	img := pull(t, ref)
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "" {
		t.Errorf("user %q", config.Config.User)
	}
	// Without capabilities chown fails, and the script goes on.
	runs(t, img, "started")
}
