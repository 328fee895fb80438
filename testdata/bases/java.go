package bases

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// javaPackages are what the official images of Eclipse Temurin install for
// Java (adoptium/containers, 17/jre/ubuntu; 2026-08), and the libraries that
// Debian's build links and theirs has inside.
var javaPackages = []string{"ca-certificates", "fontconfig", "locales", "p11-kit", "tzdata", "wget", "libharfbuzz0b", "libfreetype6", "liblcms2-2", "libjpeg62-turbo", "libstdc++6", "zlib1g"}

// cacertsEntrypoint does what the entrypoint script of these images does: it
// adds certificates where a variable asks for it.
const cacertsEntrypoint = `#!/usr/bin/env bash
set -e

export JRE_CACERTS_PATH=$JAVA_HOME/lib/security/cacerts

if [ -n "$USE_SYSTEM_CA_CERTS" ]; then
  for cert in /certificates/*.crt; do
    keytool -import -noprompt -alias "$cert" -file "$cert" -keystore "$JRE_CACERTS_PATH" -storepass changeit
  done
fi

exec "$@"
`

// javaBases are stand-ins in the layout of the official images of Eclipse
// Temurin: Debian's OpenJDK, which belongs to no package there, in
// /opt/java/openjdk.
func javaBases() []base {
	config := v1.Config{
		Env: []string{
			"JAVA_HOME=" + javaHome, "PATH=" + javaHome + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"LANG=en_US.UTF-8", "LANGUAGE=en_US:en", "LC_ALL=en_US.UTF-8", "JAVA_VERSION=jdk-17",
		},
		Entrypoint: []string{"/__cacert_entrypoint.sh"},
	}
	jdk := config
	jdk.Cmd = []string{"jshell"}
	return []base{
		{
			names:  []string{"eclipse-temurin:17-jre", "eclipse-temurin:17-jre-jammy"},
			make:   func(ctx context.Context, m *maker) ([]v1.Layer, error) { return m.layers(ctx, "javalibs", "jre17") },
			config: config,
		},
		{
			names:  []string{"eclipse-temurin:17", "eclipse-temurin:17-jdk"},
			make:   func(ctx context.Context, m *maker) ([]v1.Layer, error) { return m.layers(ctx, "javalibs", "jdk17") },
			config: jdk,
		},
	}
}

const (
	javaHome    = "/opt/java/openjdk"
	debianHome  = "/usr/lib/jvm/java-17-openjdk-amd64"
	debianEtc   = "/etc/java-17-openjdk"
	debianStore = "/etc/ssl/certs/java/cacerts"
)

// javaLibraries makes the root that Java is put into, with the locale that the
// official images set.
func (m *maker) javaLibraries(ctx context.Context, file string) error {
	return m.debianWith(ctx, file, javaPackages, `chroot "$1" localedef -i en_US -f UTF-8 en_US.UTF-8`)
}

// ofJRE reports whether a JRE has a path below java.home: all but what is for
// developers.
func ofJRE(rel string) bool {
	dir, base := path.Split(rel)
	switch {
	case dir == "bin/":
		return slices.Contains([]string{"java", "jfr", "jrunscript", "jwebserver", "keytool", "rmiregistry"}, base)
	case slices.Contains([]string{"jmods", "include", "man"}, strings.Split(rel, "/")[0]):
		return false
	}
	return !slices.Contains([]string{"lib/ct.sym", "lib/src.zip", "lib/libjsound.so"}, rel) && !regexp.MustCompile(`^lib/.*\.lib$`).MatchString(rel)
}

// java takes the installation of Debian's OpenJDK out of a root that has it
// installed, with links to what lies elsewhere replaced by the files.
func (m *maker) java(ctx context.Context, file string, jre bool) error {
	root := filepath.Join(m.dir, "openjdk17.tar")
	if !exists(root) {
		if err := m.debian(ctx, root+".tmp", "openjdk-17-jdk-headless"); err != nil {
			return err
		}
		if err := os.Rename(root+".tmp", root); err != nil {
			return err
		}
	}
	elsewhere, err := filesBelow(root, debianEtc+"/", debianStore)
	if err != nil {
		return err
	}
	in, err := os.Open(root)
	if err != nil {
		return err
	}
	defer in.Close()
	err = pack(file, func(w *tar.Writer) error {
		if err := script(w, "__cacert_entrypoint.sh", cacertsEntrypoint); err != nil {
			return err
		}
		r := tar.NewReader(in)
		for {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			rel, ok := strings.CutPrefix(path.Join("/", h.Name), debianHome+"/")
			if !ok || jre && !ofJRE(rel) {
				continue
			}
			out := &tar.Header{Typeflag: h.Typeflag, Name: strings.TrimPrefix(path.Join(javaHome, rel), "/"), Linkname: h.Linkname, Mode: h.Mode, Size: h.Size, ModTime: h.ModTime}
			switch target, there := elsewhere[h.Linkname]; {
			case h.Typeflag == tar.TypeDir:
				out.Name += "/"
			case h.Typeflag == tar.TypeSymlink && there:
				out.Typeflag, out.Linkname, out.Mode, out.Size = tar.TypeReg, "", 0o644, int64(len(target))
				if err := w.WriteHeader(out); err != nil {
					return err
				}
				if _, err := w.Write(target); err != nil {
					return err
				}
				continue
			case h.Typeflag == tar.TypeSymlink: // what only Debian has
				continue
			}
			if err := w.WriteHeader(out); err != nil {
				return err
			}
			if _, err := io.Copy(w, r); err != nil { //nolint:gosec // of a root that was just made
				return err
			}
		}
	})
	other := "jre17.tar.gz"
	if jre {
		other = "jdk17.tar.gz"
	}
	if err != nil || !exists(filepath.Join(m.dir, other)) {
		return err
	}
	return os.Remove(root) // both are made, and half a gigabyte is free again
}

// filesBelow reads the files of an archive of a root at or below some paths.
func filesBelow(root string, prefixes ...string) (map[string][]byte, error) {
	f, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[string][]byte{}
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		name := path.Join("/", h.Name)
		if h.Typeflag != tar.TypeReg || !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		if out[name], err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
	if out[debianStore] == nil {
		return nil, fmt.Errorf("no %s was made", debianStore)
	}
	return out, nil
}

// script puts an executable text into a layer.
func script(w *tar.Writer, name, content string) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := io.WriteString(w, content)
	return err
}
