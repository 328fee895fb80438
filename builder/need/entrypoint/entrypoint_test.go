package entrypoint_test

import (
	"slices"
	"testing"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/entrypoint"
	"github.com/whittle-oci/whittle/builder/tree"
)

const (
	node = `#!/bin/sh
set -e

# Run command with node if the first argument contains a "-".
if [ "${1#-}" != "${1}" ] || [ -z "$(command -v "${1}")" ] || { [ -f "${1}" ] && ! [ -x "${1}" ]; }; then
  set -- node "$@"
fi

exec "$@"
`
	php = "#!/bin/sh\nset -e\n\n# first arg is an option\nif [ \"${1#-}\" != \"$1\" ]; then\n\tset -- php \"$@\"\nfi\n\nexec \"$@\"\n"
	jre = `#!/usr/bin/env sh
set -e
JRE_CACERTS_PATH=$JAVA_HOME/lib/security/cacerts
if [ -n "$USE_SYSTEM_CA_CERTS" ]; then
    keytool -importkeystore -srckeystore /etc/ssl/cacerts
fi
export JRE_CACERTS_PATH
exec "$@"
`
)

func TestEvaluate(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		cmd, want    []string // want is nil where the script stays
		vars         []string
	}{
		{"node, a command along PATH", node, []string{"npm", "start"}, []string{"npm", "start"}, nil},
		{"node, an option", node, []string{"--trace-warnings", "app.js"}, []string{"node", "--trace-warnings", "app.js"}, nil},
		{"node, a file", node, []string{"app.js"}, []string{"node", "app.js"}, nil},
		{"node, a file with a path", node, []string{"/srv/app.js"}, []string{"node", "/srv/app.js"}, nil},
		{"node, a shell's own command", node, []string{"echo", "x"}, []string{"echo", "x"}, nil},
		{"php, an option", php, []string{"-a"}, []string{"php", "-a"}, nil},
		{"php, a command", php, []string{"php", "x.php"}, []string{"php", "x.php"}, nil},
		{"a JRE", jre, []string{"java", "-jar", "x.jar"}, []string{"java", "-jar", "x.jar"}, nil},
		{"a JRE that is asked for more", jre, []string{"java"}, nil, []string{"USE_SYSTEM_CA_CERTS=1"}},
		{"a script of one's own that only runs its arguments", "#!/bin/sh\nset -e\nexec \"$@\"\n", []string{"npm"}, nil, nil},
		{"something else before", "#!/bin/sh\nset -e\nmkdir /x\nexec \"$@\"\n", []string{"npm"}, nil, nil},
		{"something else behind", node + "echo done\n", []string{"npm"}, nil, nil},
		{"an unknown condition", "#!/bin/sh\nif [ \"$1\" = x ]; then set -- y \"$@\"; fi\nexec \"$@\"\n", []string{"npm"}, nil, nil},
		{"no script", "\x7fELF", []string{"npm"}, nil, nil},
		{"it does not parse", "#!/bin/sh\nif\n", []string{"npm"}, nil, nil},
		{"it runs nothing", "#!/bin/sh\n", []string{"npm"}, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := &tree.Memory{}
			x.File("/usr/local/bin/docker-entrypoint.sh", 0o755, []byte(tc.script))
			x.File("/usr/local/bin/npm", 0o755, nil)
			x.File("/usr/local/bin/php", 0o755, nil)
			x.File("/usr/local/bin/java", 0o755, nil)
			x.File("/srv/app.js", 0o644, nil)
			env := &need.Env{Tree: x, Vars: append([]string{"PATH=/usr/local/bin"}, tc.vars...), Dir: "/srv"}
			got, ok, err := entrypoint.Evaluate(t.Context(), env, []string{"docker-entrypoint.sh"}, tc.cmd)
			if err != nil || ok != (tc.want != nil) || ok && !slices.Equal(got, tc.want) {
				t.Errorf("%q, %v, %v, want %q", got, ok, err, tc.want)
			}
		})
	}
}
