package templates

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

func claimRust(p *project) (string, bool) { return p.first("Cargo.toml"), false }

type cargoManifest struct {
	Package struct {
		Name        string `toml:"name"`
		RustVersion any    `toml:"rust-version"` // or {workspace = true}
		DefaultRun  string `toml:"default-run"`
	} `toml:"package"`
	Bin []struct {
		Name string `toml:"name"`
	} `toml:"bin"`
	Dependencies map[string]any `toml:"dependencies"`
	Workspace    *struct {
		Members []string `toml:"members"`
		Package struct {
			RustVersion string `toml:"rust-version"`
		} `toml:"package"`
	} `toml:"workspace"`
}

// rustLibraries are Debian's packages of the libraries that crates link when
// they do not bring them (Debian 12; the build image has their headers).
func rustLibraries() map[string]string {
	return map[string]string{
		"openssl-sys": "libssl3", "pq-sys": "libpq5", "mysqlclient-sys": "libmariadb3", "libdbus-sys": "libdbus-1-3", "rdkafka-sys": "librdkafka1",
	}
}

func fillRust(p *project) (string, error) {
	var m cargoManifest
	var toolchain struct {
		Toolchain struct {
			Channel string `toml:"channel"`
		} `toml:"toolchain"`
	}
	p.toml("Cargo.toml", &m)
	p.toml("rust-toolchain.toml", &toolchain)
	if p.err != nil {
		return "", p.err
	}
	channel, from := toolchain.Toolchain.Channel, "rust-toolchain.toml"
	if channel == "" && p.has("rust-toolchain") {
		if s := p.text("rust-toolchain"); strings.Contains(s, "[toolchain]") {
			p.toml("rust-toolchain", &toolchain)
			channel = toolchain.Toolchain.Channel
		} else {
			channel = p.line("rust-toolchain")
		}
		from = "rust-toolchain"
	}
	minimum, _ := m.Package.RustVersion.(string)
	if minimum == "" && m.Workspace != nil {
		minimum = m.Workspace.Package.RustVersion
	}
	switch {
	case channel == "stable":
		channel = ""
	case strings.HasPrefix(channel, "nightly"), strings.HasPrefix(channel, "beta"):
		return "", &Error{Problem: fmt.Sprintf("%s asks for %s, and the image rust has stable releases", from, channel), Hint: "write a Dockerfile on rustlang/rust:nightly"}
	}
	if channel != "" && minimum != "" {
		if r, err := parseRange(">=" + minimum); err == nil && !r.allows(channel) {
			return "", &Error{Problem: fmt.Sprintf("%s asks for Rust %s, and Cargo.toml for %s or newer", from, channel, minimum), Hint: "make them agree"}
		}
	}
	version, err := p.agree("Rust", 3, nil, wish{channel, from + ", channel", true})
	if err == nil && version == "" {
		version, err = p.agree("Rust", 2, nil, wish{minimum, "Cargo.toml, rust-version", true})
	}
	if err != nil {
		return "", err
	}
	if version == "" {
		version = "1"
		p.warn("nothing names a version of Rust, so the image follows rust:1; rust-version in Cargo.toml names one")
	}
	p.set("version", version)
	name, err := p.rustBinary(m)
	if err != nil {
		return "", err
	}
	p.word("name", name, "Cargo.toml")
	return "rust", p.rustLock(m)
}

// rustBinary chooses what starts.
func (p *project) rustBinary(m cargoManifest) (string, error) {
	var names []string
	for _, b := range m.Bin {
		names = append(names, b.Name)
	}
	if m.Package.Name != "" && p.has("src/main.rs") && !slices.Contains(names, m.Package.Name) {
		names = append(names, m.Package.Name)
	}
	for _, file := range p.names("src/bin") {
		n := strings.TrimSuffix(file, ".rs")
		if (n != file || p.has(path.Join("src/bin", file, "main.rs"))) && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if m.Workspace != nil {
		for _, member := range p.glob(m.Workspace.Members...) {
			var sub cargoManifest
			p.toml(path.Join(member, "Cargo.toml"), &sub)
			for _, b := range sub.Bin {
				names = append(names, b.Name)
			}
			if len(sub.Bin) == 0 && p.has(path.Join(member, "src/main.rs")) {
				names = append(names, sub.Package.Name)
			}
		}
	}
	if p.err != nil {
		return "", p.err
	}
	switch {
	case p.options.Start != "":
		if !slices.Contains(names, p.options.Start) {
			return "", &Error{Problem: fmt.Sprintf("--start %s is no binary", p.options.Start), Hint: "there are " + strings.Join(names, ", "), Choices: names}
		}
		p.found("start", p.options.Start, "--start")
		return p.options.Start, nil
	case m.Package.DefaultRun != "":
		p.found("start", m.Package.DefaultRun, "Cargo.toml, default-run")
		return m.Package.DefaultRun, nil
	case len(names) == 0:
		return "", &Error{Problem: "Cargo.toml has no binary, so nothing starts", Hint: "name the directory of the package that has one"}
	case len(names) > 1:
		return "", &Error{Problem: "Cargo.toml has several binaries: " + strings.Join(names, ", "), Hint: "choose with --start " + names[0] + ", or by default-run in Cargo.toml", Choices: names}
	}
	p.found("start", names[0], "the only binary")
	return names[0], nil
}

// rustLock reads Cargo.lock, and what the crates in it link.
func (p *project) rustLock(m cargoManifest) error {
	p.set("locked", "")
	if !p.has("Cargo.lock") {
		p.warn("there is no Cargo.lock, so each build may have other versions; cargo generate-lockfile writes it")
		return nil
	}
	var lock struct {
		Package []struct {
			Name         string   `toml:"name"`
			Dependencies []string `toml:"dependencies"`
		} `toml:"package"`
	}
	p.toml("Cargo.lock", &lock)
	if p.err != nil {
		return p.err
	}
	has := func(name string) bool {
		for _, x := range lock.Package {
			if x.Name == name {
				return true
			}
		}
		return false
	}
	for _, name := range sorted(m.Dependencies) {
		crate := name
		if t, ok := m.Dependencies[name].(map[string]any); ok {
			if renamed, ok := t["package"].(string); ok {
				crate = renamed
			}
		}
		if !has(crate) {
			return &Error{Problem: fmt.Sprintf("Cargo.toml depends on %s, which Cargo.lock does not know", crate), Hint: "cargo update --workspace brings it up to date"}
		}
	}
	p.set("locked", " --locked")
	p.found("dependencies", "cargo build --locked", "Cargo.lock")
	var libraries []string
	for _, crate := range sorted(rustLibraries()) {
		vendored := crate == "openssl-sys" && has("openssl-src")
		if has(crate) && !vendored {
			libraries = append(libraries, rustLibraries()[crate])
			p.found("library", rustLibraries()[crate], "Cargo.lock: "+crate)
		}
	}
	p.set("libraries", strings.Join(libraries, " "))
	for _, x := range lock.Package {
		known := []string{"openssl-sys", "libz-sys", "zstd-sys", "libsqlite3-sys", "bzip2-sys", "lzma-sys", "aws-lc-sys", "ring", "linux-raw-sys", "tikv-jemalloc-sys", "libmimalloc-sys", "libgit2-sys", "libssh2-sys", "web-sys", "js-sys", "windows-sys", "core-foundation-sys", "security-framework-sys", "fsevent-sys", "inotify-sys", "dirs-sys", "secp256k1-sys", "brotli-sys", "lz4-sys", "errno-dragonfly", "curl-sys", "hermit-abi"}
		if strings.HasSuffix(x.Name, "-sys") && rustLibraries()[x.Name] == "" && !slices.Contains(known, x.Name) {
			p.warn("%s may link a library that neither image has; if it does, add its package to both stages", x.Name)
		}
	}
	return nil
}
