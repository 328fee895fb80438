package frontend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/tree"
)

// java is a stage with an installation of Java, or a JDK, and a class.
func java(jdk bool, modules string) *tree.Memory {
	out := &tree.Memory{}
	program := elftest.File{}.Bytes()
	for _, name := range []string{"bin/java", "lib/server/libjvm.so"} {
		out.File("/opt/java/"+name, 0o755, program)
	}
	out.File("/opt/java/lib/modules", 0o644, []byte(modules))
	out.File("/opt/java/release", 0o644, []byte("JAVA_VERSION=\"17.0.15\"\nMODULES=\""+modules+"\"\n"))
	if jdk {
		out.File("/opt/java/bin/jlink", 0o755, program)
		out.File("/opt/java/bin/jdeps", 0o755, program)
	}
	out.File("/bin/sh", 0o755, program)
	out.File("/app/com/example/Main.class", 0o644, []byte("\xca\xfe\xba\xbe"))
	return out
}

// TestJlink looks at the step that makes an installation of Java smaller, and
// at which one the image has.
func TestJlink(t *testing.T) {
	const cmd = `["/opt/java/bin/java", "--add-modules", "java.sql", "-cp", "/app", "com.example.Main"]`
	for name, tc := range map[string]struct {
		setting, modules, cmd string
		jdk                   bool
		fails                 bool     // the step
		adds                  []string // modules that the step keeps
		to                    string   // of the change that the report tells of
		refused               string
	}{
		"not asked":       {jdk: true, cmd: cmd},
		"asked":           {setting: "jlink", jdk: true, cmd: cmd, adds: []string{"java.sql", "jdk.crypto.ec"}, to: "java.base java.sql"},
		"further modules": {setting: "jlink", modules: "jdk.sctp", jdk: true, cmd: cmd, adds: []string{"java.sql", "jdk.sctp"}, to: "java.base java.sql"},
		"a JRE":           {setting: "jlink", cmd: cmd, refused: "Dockerfile:1: FROM: java: jlink needs /opt/java/bin/jlink, which the final stage has not"},
		"no Java":         {setting: "jlink", cmd: `["/bin/sh"]`},
		"an archive": {
			setting: "jlink", jdk: true, cmd: `["/opt/java/bin/java", "-Xshare:on", "-cp", "/app", "com.example.Main"]`,
			refused: "-Xshare:on asks for an archive of classes (CDS)",
		},
		"the step fails":    {setting: "jlink", jdk: true, fails: true, cmd: cmd, refused: "java: jlink: making the installation of Java failed with exit code: 1; what it printed stands above"},
		"an unknown module": {setting: "jlink", modules: "jdk.sctpp", jdk: true, cmd: cmd, refused: `java-modules: the JDK in /opt/java has no module jdk.sctpp; did you mean`},
		"no module":         {setting: "jlink", modules: "a;b", jdk: true, cmd: cmd, refused: `"a;b" is not the name of a module`},
		"no such value":     {setting: "jdeps", jdk: true, cmd: cmd, refused: `"jdeps" is none of whole, jlink`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := &tree.Memory{}
			dir.File("/Dockerfile", 0o644, []byte("FROM debian\nCOPY app /app\nCMD "+tc.cmd+"\n"))
			opts := map[string]string{"platform": "linux/amd64"}
			for name, value := range map[string]string{"WHITTLE_JAVA": tc.setting, "WHITTLE_JAVA_MODULES": tc.modules} {
				if value != "" {
					opts["build-arg:"+name] = value
				}
			}
			var steps []*pb.ExecOp
			b := &builder{t: t, opts: opts, solve: func(_ context.Context, _ gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
				for _, d := range g.Order {
					if e := g.Ops[d].GetExec(); e != nil && slices.Contains(e.Meta.Args, "jlink") {
						if tc.fails {
							return nil, errors.New(`process "/bin/sh -c set -eu" did not complete successfully: exit code: 1`)
						}
						steps = append(steps, e)
						return java(false, "java.base java.sql"), nil
					}
				}
				if tc.cmd == `["/bin/sh"]` {
					none := &tree.Memory{}
					none.File("/bin/sh", 0o755, elftest.File{}.Bytes())
					return none, nil
				}
				return java(tc.jdk, "java.base java.desktop java.sql jdk.sctp"), nil
			}}
			var got *report.Report
			_, err := New(Options{
				ConfigName: ".whittle.yaml", Local: map[string]tree.Tree{"dockerfile": dir, "context": dir},
				OnReport: func(r *report.Report, _ *image.Plan) { got = r },
			})(t.Context(), amd64{registry{b}})
			if tc.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refused) {
					t.Fatalf("%v, want %s", err, tc.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			to := ""
			for _, c := range got.Changes {
				if c.Kind == "java" {
					to = c.To
				}
			}
			if to != tc.to {
				t.Errorf("the report tells of %q, want %q", to, tc.to)
			}
			if tc.to == "" {
				if len(steps) > 0 {
					t.Errorf("%d steps", len(steps))
				}
				return
			}
			if len(steps) == 0 {
				t.Fatal("no step")
			}
			e := steps[0]
			if e.Network != pb.NetMode_NONE || e.Security != pb.SecurityMode_SANDBOX || e.Meta.User != "0" {
				t.Errorf("network %s, security %s, user %s", e.Network, e.Security, e.Meta.User)
			}
			if d := cmp.Diff([]string{"jlink", "/opt/java"}, e.Meta.Args[3:5]); d != "" {
				t.Errorf("arguments (-want +got)\n%s", d)
			}
			if d := cmp.Diff([]string{"/app/com/example"}, e.Meta.Args[7:]); d != "" {
				t.Errorf("classes (-want +got)\n%s", d)
			}
			for _, m := range tc.adds {
				if !slices.Contains(strings.Fields(e.Meta.Args[5]), m) {
					t.Errorf("%s is not among %s", m, e.Meta.Args[5])
				}
			}
		})
	}
}
