package elf

import (
	"context"
	"path"
	"slices"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// libjvm is the library of a Java virtual machine. The libraries beside it,
// and those that programs of Java load, link it without saying where it is: the
// launcher has loaded it before, by its path (libjli, src/java.base/unix/
// native/libjli/java_md.c of OpenJDK 17).
const libjvm = "libjvm.so"

// machineDirs gives the directories in which the libraries of a Java virtual
// machine lie that has loaded libjvm.so before it loads the module: of the
// installation that the module is a part of, else of those that JAVA_HOME and
// PATH name. It is empty where there is none.
func machineDirs(ctx context.Context, env *need.Env, module string) ([]string, error) {
	var homes []string
	for dir := path.Dir(module); dir != "/" && len(homes) < 4; dir = path.Dir(dir) {
		homes = append(homes, dir)
	}
	if home, _ := env.Getenv("JAVA_HOME"); path.IsAbs(home) {
		homes = append(homes, path.Clean(home))
	}
	java, ok, err := env.LookPath(ctx, "java")
	if err != nil {
		return nil, err
	}
	if ok {
		res, err := tree.Resolve(ctx, env.Tree, java)
		if err != nil && !need.Missing(err) {
			return nil, err
		}
		if err == nil {
			homes = append(homes, path.Dir(path.Dir(res.Path)))
		}
	}
	for _, home := range homes {
		dirs, err := machineBelow(ctx, env.Tree, home)
		if len(dirs) > 0 || err != nil {
			return dirs, err
		}
	}
	return nil, nil
}

// machineBelow gives the directories of a Java installation's libraries: lib
// and lib/server (JDK 9 and later), or those of an architecture (JDK 8).
func machineBelow(ctx context.Context, t tree.Tree, home string) ([]string, error) {
	libs := []string{home, path.Join(home, "lib"), path.Join(home, "jre", "lib")}
	for _, m := range []string{"amd64", "aarch64"} {
		libs = append(libs, path.Join(home, "lib", m), path.Join(home, "jre/lib", m))
	}
	for _, lib := range libs {
		for _, variant := range []string{"server", "j9vm", "client"} {
			at := path.Join(lib, variant)
			if _, ok, err := tree.FindFile(ctx, t, path.Join(at, libjvm)); err != nil {
				return nil, err
			} else if ok {
				return slices.Compact([]string{lib, at, path.Join(lib, "jli"), path.Join(lib, "default")}), nil
			}
		}
	}
	return nil, nil
}
