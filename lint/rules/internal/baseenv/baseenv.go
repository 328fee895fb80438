// Package baseenv knows the environment that base images bring along.
package baseenv

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

// An Env is the environment of a stage's base image.
type Env struct {
	Names []string
	// Complete is true when there are no other variables.
	Complete bool
}

// Has reports whether the image sets a variable.
func (e Env) Has(name string) bool { return slices.Contains(e.Names, name) }

// Of is the environment of the image that a stage goes back to: what the
// registry says, else what is known of official images.
func Of(p *rule.Pass, stage int) Env {
	s := &p.File.Stages[stage]
	for s.Parent >= 0 {
		s = &p.File.Stages[s.Parent]
	}
	image, known := p.File.BaseName(s)
	if !known {
		return Env{Names: path}
	}
	if p.Images != nil {
		if i, ok := p.Images.Image(image); ok && i.Env != nil {
			e := Env{Names: slices.Clone(path), Complete: true}
			for _, v := range i.Env {
				name, _, _ := strings.Cut(v, "=")
				e.Names = append(e.Names, name)
			}
			return e
		}
	}
	name, _, _ := walk.Image(image)
	name = strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
	if strings.HasPrefix(name, "gcr.io/distroless/") {
		return Env{Names: append([]string{"SSL_CERT_FILE", "LANG", "JAVA_VERSION"}, path...), Complete: true}
	}
	if vars, ok := official[name]; ok {
		return Env{Names: append(slices.Clone(path), vars...), Complete: true}
	}
	return Env{Names: path}
}

// path is what BuildKit sets where an image does not.
var path = []string{"PATH"}

// official are images of Docker Hub with the variables that they set beside
// PATH, over all the tags in use.
var official = map[string][]string{
	"scratch": nil, "alpine": nil, "debian": nil, "ubuntu": {"LANG"}, "busybox": nil, "buildpack-deps": nil,
	"fedora": {"DISTTAG", "FGC", "FBR", "container"}, "centos": {"container"}, "rockylinux": nil, "rockylinux/rockylinux": nil, "almalinux": {"LANG"},
	"amazonlinux": nil, "oraclelinux": nil, "archlinux": {"LANG"}, "opensuse/leap": nil, "opensuse/tumbleweed": nil, "photon": nil,
	"golang":          {"GOLANG_VERSION", "GOPATH", "GOTOOLCHAIN", "GOROOT"},
	"node":            {"NODE_VERSION", "YARN_VERSION", "NPM_CONFIG_LOGLEVEL"},
	"python":          {"LANG", "GPG_KEY", "PYTHON_VERSION", "PYTHON_SHA256", "PYTHON_PIP_VERSION", "PYTHON_SETUPTOOLS_VERSION", "PYTHON_GET_PIP_URL", "PYTHON_GET_PIP_SHA256"},
	"ruby":            {"LANG", "RUBY_MAJOR", "RUBY_VERSION", "RUBY_DOWNLOAD_URL", "RUBY_DOWNLOAD_SHA256", "RUBYGEMS_VERSION", "BUNDLER_VERSION", "GEM_HOME", "BUNDLE_PATH", "BUNDLE_BIN", "BUNDLE_SILENCE_ROOT_WARNING", "BUNDLE_APP_CONFIG"},
	"rust":            {"RUSTUP_HOME", "CARGO_HOME", "RUST_VERSION"},
	"php":             {"PHPIZE_DEPS", "PHP_INI_DIR", "PHP_CFLAGS", "PHP_CPPFLAGS", "PHP_LDFLAGS", "GPG_KEYS", "PHP_VERSION", "PHP_URL", "PHP_ASC_URL", "PHP_SHA256", "PHP_MD5", "PHP_EXTRA_BUILD_DEPS", "PHP_EXTRA_CONFIGURE_ARGS", "APACHE_CONFDIR", "APACHE_ENVVARS"},
	"nginx":           {"NGINX_VERSION", "NJS_VERSION", "NJS_RELEASE", "PKG_RELEASE", "DYNPKG_RELEASE", "ACME_VERSION"},
	"httpd":           {"HTTPD_PREFIX", "HTTPD_VERSION", "HTTPD_SHA256", "HTTPD_PATCHES"},
	"openjdk":         {"LANG", "JAVA_HOME", "JAVA_VERSION", "JAVA_URL", "JAVA_SHA256", "JAVA_BASE_URL", "JAVA_URL_VERSION", "JAVA_DEBIAN_VERSION", "JAVA_ALPINE_VERSION", "CA_CERTIFICATES_JAVA_VERSION"},
	"eclipse-temurin": {"LANG", "LANGUAGE", "LC_ALL", "JAVA_HOME", "JAVA_VERSION"},
	"amazoncorretto":  {"LANG", "JAVA_HOME"},
	"maven":           {"LANG", "LANGUAGE", "LC_ALL", "JAVA_HOME", "JAVA_VERSION", "MAVEN_HOME", "MAVEN_CONFIG", "MAVEN_VERSION", "USER_HOME_DIR", "SHA", "BASE_URL"},
}
