package node

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// builtin are node's own modules (module.builtinModules of Node.js 24; read in
// 2026).
var builtin = strings.Fields(`assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events fs http http2
	https inspector module net os path perf_hooks process punycode querystring readline repl stream string_decoder sys timers tls trace_events tty url util v8 vm
	wasi worker_threads zlib sqlite test sea`)

// loading matches a line at the outermost level of a file that loads a module,
// so that the program does not start without it.
var loading = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:import\s+(?:[\w$*\s{},]+\s+from\s+)?|(?:const|let|var)\s+[\w$\s{},:]+=\s*(?:__importDefault\(|__importStar\()?require\(\s*|require\(\s*)['"]([^'"\n]{1,200})['"]`)
})

// imports lists the modules that a file loads when it starts, with their lines.
func imports(text []byte) (out []use) {
	if minified(text) {
		return nil
	}
	s := &scanner{text: text}
	for _, m := range loading().FindAllSubmatchIndex(text, -1) {
		s.add(m[2], loadsModule, string(text[m[2]:m[3]]), true)
	}
	return s.out
}

// absent warns of the modules that main files load and that are not there.
// Another version of them may be found when the program runs, so that it is no
// refusal.
func (r *Runtime) absent(ctx context.Context, env *need.Env, s *need.Set, _ *contents, out *need.Found) error {
	for _, main := range r.mains {
		f := s.File(main)
		if f == nil || f.Entry.Size > maxSource || strings.Contains(main, "/node_modules/") || r.preloads {
			continue
		}
		text, err := tree.ReadFile(ctx, env.Tree, main, maxSource)
		if err != nil {
			return fmt.Errorf("reading %s: %w", main, err)
		}
		for _, u := range imports(text) {
			first, _, _ := strings.Cut(u.name, "/")
			if slices.Contains(builtin, first) || strings.ContainsAny(u.name, ":?!") && !strings.HasPrefix(u.name, "file:") {
				continue
			}
			_, ok, err := r.module(ctx, env, path.Dir(main), u.name)
			if bad := (*badManifest)(nil); err != nil && !errors.As(err, &bad) {
				return err
			}
			if !ok {
				out.Warnings = append(out.Warnings, image.NewWarning("", fmt.Sprintf("%s:%d loads %s, which is not in the built image where node looks for it", main, u.line, u.name), "install it in the final stage, or copy node_modules to it"))
			}
		}
	}
	return nil
}
