package credential

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// A Kind is what a file that holds credentials is.
type Kind struct {
	What string // with its article: "a private key"
	// Certain is true when the name alone says so. Else the content must tell:
	// Holds decides.
	Certain bool
	holds   func([]byte) bool
}

// Holds reports whether the beginning of a file shows a credential. A kind
// whose content does not matter always holds one.
func (k Kind) Holds(content []byte) bool { return k.holds == nil || k.holds(content) }

// MaxContent is how much of a file Holds needs to see, in bytes.
const MaxContent = 64 << 10

// File tells from its slash-separated path what credentials a file holds as a
// rule. ok is false for all other files.
func File(name string) (k Kind, ok bool) {
	name = strings.TrimSuffix(path.Clean(strings.ReplaceAll(name, `\`, "/")), "/")
	name = "/" + strings.TrimPrefix(strings.ToLower(name), "/")
	base, ext := path.Base(name), path.Ext(name)
	if k, ok := byName[base]; ok {
		return k, true
	}
	if k, ok := byEnd["/"+path.Base(path.Dir(name))+"/"+base]; ok {
		return k, true
	}
	for _, b := range below {
		if strings.Contains(name, b.dir) && ext != ".pub" && !slices.Contains(open, base) {
			return b.Kind, true
		}
	}
	if Example(base) || trusted(name) {
		return Kind{}, false
	}
	switch {
	case strings.HasPrefix(base, ".env."):
		return Kind{"an environment with secrets", true, assigned}, true
	case ext == ".json" && (strings.Contains(base, "account") || strings.Contains(base, "credential") || strings.Contains(base, "key") || strings.Contains(base, "gcp") || strings.Contains(base, "firebase")):
		return Kind{"a service account's key", false, has(`"private_key"`)}, true
	}
	k, ok = byExt[ext]
	k.Certain = k.Certain || strings.HasSuffix(base, "key.pem") || strings.HasSuffix(base, "private.pem")
	return k, ok
}

// Held tells what credentials a file holds, by its path and its content, of
// which the first MaxContent bytes do. A private key is known whatever the
// file is called; a program that merely has the words in it is none. Public
// keys and certificates are no credentials. ok is false for all other files.
func Held(name string, content []byte) (what string, ok bool) {
	if len(content) == 0 || bytes.HasPrefix(content, []byte("\x7fELF")) {
		return "", false
	}
	if key, first := privateKey(content); key && (first || !source(name)) {
		return "a private key", true
	}
	k, ok := File(name)
	if !ok {
		return "", false
	}
	if ext := strings.ToLower(path.Ext(name)); (ext == ".pem" || ext == ".key") && k.What == byExt[ext].What {
		return "", false // most are public, and this one showed no key
	}
	return k.What, k.Certain || k.Holds(content)
}

// MayHold reports whether Held can find a credential in a file of that path
// and size in bytes: keys are small, and code is not looked through for them.
func MayHold(name string, size int64) bool {
	if _, ok := File(name); ok {
		return size > 0
	}
	return size >= leastKey && size <= MaxContent && !source(name)
}

// leastKey is the length of the shortest mark of a private key.
const leastKey = 16

// source reports whether a file holds code, text or media, in which a key may
// stand as an example, or as a part that cannot be taken out by itself.
func source(name string) bool {
	return slices.Contains(sources, strings.ToLower(path.Ext(name)))
}

// sources are the endings of such files.
var sources = strings.Fields(`.adoc .bash .bat .c .cc .cjs .class .clj .cpp .cs .css .cts .cxx .dart .ejs .erb .ex .exs .fs .go .groovy .h
	.haml .hbs .hh .hpp .htm .html .java .jinja .jinja2 .js .json .jsx .kt .kts .less .lua .m .map .markdown .md .mjs .mts .php .pl .pm
	.ps1 .pug .py .pyc .pyi .pyx .r .rb .rs .rst .sass .scala .scss .sh .sql .svelte .swift .tcl .tmpl .ts .tsx .twig .vb .vue .wasm .xhtml .xsl
	.a .avi .bmp .bz2 .eot .flac .gem .gif .gz .ico .jar .jpeg .jpg .mo .mp3 .mp4 .o .ogg .otf .pdf .png .so .svg .tar
	.tgz .ttf .war .wav .webm .webp .whl .woff .woff2 .xz .zip .zst`)

// trusted reports whether a store is named as one of certificates alone.
func trusted(name string) bool {
	base := path.Base(name)
	return strings.Contains(base, "trust") || strings.Contains(base, "cacerts")
}

// Paths lists where File would look, for who cannot list all files of a
// directory: paths in which * stands for any text within a name, at the top and
// one directory down.
func Paths() []string {
	var names []string
	for name := range byName {
		names = append(names, name)
	}
	for ext := range byExt {
		names = append(names, "*"+ext)
	}
	names = append(names, ".env.*", "*account*.json", "*credential*.json")
	var out []string
	for _, name := range names {
		out = append(out, name, "*/"+name)
	}
	for end := range byEnd {
		out = append(out, strings.TrimPrefix(end, "/"))
	}
	for _, b := range below {
		out = append(out, strings.TrimPrefix(b.dir, "/")+"*")
	}
	slices.Sort(out)
	return out
}

// Example reports whether a name marks a template for others to fill in.
func Example(base string) bool {
	for _, w := range []string{"example", "sample", "template", "tmpl", "dist", "default", "tpl"} {
		if strings.Contains(base, w) {
			return true
		}
	}
	return false
}

var byName = map[string]Kind{
	".env":                                 {"an environment with secrets", true, assigned},
	".envrc":                               {"an environment with secrets", false, assigned},
	".npmrc":                               {"npm's credentials", true, has("_auth", "_password")},
	".yarnrc.yml":                          {"yarn's credentials", false, has("npmauthtoken", "npmauthident")},
	".netrc":                               {"passwords for hosts", true, has("password")},
	"_netrc":                               {"passwords for hosts", true, has("password")},
	".pypirc":                              {"PyPI's credentials", true, has("password")},
	"pip.conf":                             {"a package index's password", false, gitPassword},
	"pip.ini":                              {"a package index's password", false, gitPassword},
	".git-credentials":                     {"git's passwords", true, nil},
	".dockercfg":                           {"registry passwords", true, nil},
	".dockerconfigjson":                    {"registry passwords", true, nil},
	".pgpass":                              {"database passwords", true, nil},
	".my.cnf":                              {"database passwords", true, nil},
	".mylogin.cnf":                         {"database passwords", true, nil},
	".htpasswd":                            {"password hashes", true, nil},
	".vault-token":                         {"a Vault token", true, nil},
	".terraformrc":                         {"Terraform's credentials", false, has("token")},
	".s3cfg":                               {"S3 credentials", true, nil},
	".boto":                                {"cloud credentials", true, nil},
	"kubeconfig":                           {"a cluster's credentials", true, has("token:", "client-key", "password:", "exec:")},
	"rclone.conf":                          {"storage credentials", false, has("pass", "secret", "token", "key")},
	"credentials.json":                     {"cloud credentials", true, nil},
	"application_default_credentials.json": {"cloud credentials", true, nil},
	"service-account.json":                 {"cloud credentials", true, nil},
	"serviceaccount.json":                  {"cloud credentials", true, nil},
	"secrets.yml":                          {"secrets", true, nil},
	"secrets.yaml":                         {"secrets", true, nil},
	"secrets.json":                         {"secrets", true, nil},
	"secrets.toml":                         {"secrets", true, nil},
	"master.key":                           {"Rails' master key", true, nil},
	"terraform.tfstate":                    {"Terraform's state, with its secrets", true, nil},
	"secring.gpg":                          {"private keys", true, nil},
	"id_rsa":                               {"a private key", true, nil},
	"id_dsa":                               {"a private key", true, nil},
	"id_ecdsa":                             {"a private key", true, nil},
	"id_ed25519":                           {"a private key", true, nil},
	".bash_history":                        {"typed commands, with their secrets", true, nil},
	".aws":                                 {"AWS credentials", true, nil},
	".ssh":                                 {"SSH keys", true, nil},
	".gnupg":                               {"private keys", true, nil},
}

// byEnd are files that only their directory makes telling: the last two names
// of a path.
var byEnd = map[string]Kind{
	"/.docker/config.json":      {"registry passwords", true, has(`"auth"`, `"identitytoken"`)},
	"/.kube/config":             {"a cluster's credentials", true, nil},
	"/.git/config":              {"git's remotes, with a password", false, gitPassword},
	"/.gem/credentials":         {"RubyGems' credentials", true, nil},
	"/.cargo/credentials":       {"crates.io's credentials", true, nil},
	"/.cargo/credentials.toml":  {"crates.io's credentials", true, nil},
	"/.m2/settings.xml":         {"Maven's passwords", false, has("<password>", "<passphrase>")},
	"/.composer/auth.json":      {"Composer's credentials", true, nil},
	"/.pulumi/credentials.json": {"Pulumi's credentials", true, nil},
}

// open are files in those directories that are no secret.
var open = []string{"config", "known_hosts", "authorized_keys", "pubring.kbx", "pubring.gpg", "trustdb.gpg", "gpg.conf", "gpg-agent.conf", "dirmngr.conf"}

// below are directories in which every file holds credentials, settings and
// public keys aside.
var below = []struct {
	dir string
	Kind
}{
	{"/.aws/", Kind{"AWS credentials", true, nil}},
	{"/.ssh/", Kind{"an SSH key", true, nil}},
	{"/.gnupg/", Kind{"private keys", true, nil}},
	{"/.azure/", Kind{"Azure credentials", true, nil}},
	{"/.config/gcloud/", Kind{"Google Cloud credentials", true, nil}},
}

var byExt = map[string]Kind{
	".pem":      {"a private key", false, keyIn},
	".key":      {"a private key", false, keyIn},
	".keytab":   {"a Kerberos key", true, nil},
	".ppk":      {"a private key", true, nil},
	".p12":      {"a private key", true, nil},
	".pfx":      {"a private key", true, nil},
	".jks":      {"a key store", true, nil},
	".keystore": {"a key store", true, nil},
	".kdbx":     {"a password store", true, nil},
	".tfvars":   {"Terraform's variables", false, assigned},
	".env":      {"an environment with secrets", false, assigned},
}

// privateKey reports whether a line begins as private keys do, and whether it
// is the first: those of PEM (RFC 7468) and OpenPGP (RFC 9580, section 6.2),
// those of ssh.com's format, PuTTY's and age's.
func privateKey(content []byte) (found, first bool) {
	first = true
	for line := range bytes.Lines(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))) {
		if keyMark(line) {
			return true, first
		}
		first = first && len(bytes.TrimSpace(line)) == 0
	}
	return false, false
}

func keyIn(content []byte) bool {
	found, _ := privateKey(content)
	return found
}

func keyMark(line []byte) bool {
	if bytes.HasPrefix(line, []byte("PuTTY-User-Key-File-")) || bytes.HasPrefix(line, []byte("AGE-SECRET-KEY-1")) {
		return true
	}
	rest, pem := bytes.CutPrefix(line, []byte("-----BEGIN "))
	if !pem {
		if rest, pem = bytes.CutPrefix(line, []byte("---- BEGIN ")); !pem {
			return false
		}
	}
	label, _, ended := bytes.Cut(rest, []byte("----"))
	label = bytes.TrimSpace(label)
	return ended && (bytes.HasSuffix(label, []byte("PRIVATE KEY")) || bytes.HasSuffix(label, []byte("PRIVATE KEY BLOCK")))
}

// has makes a test for any of some words, given in lower case, on a line that
// is no comment and does not take the value from the environment.
func has(words ...string) func([]byte) bool {
	return func(content []byte) bool {
		for line := range bytes.Lines(bytes.ToLower(content)) {
			line = bytes.TrimSpace(line)
			if len(line) == 0 || line[0] == '#' || line[0] == ';' || (bytes.Contains(line, []byte("${")) || bytes.Contains(line, []byte("=$"))) {
				continue
			}
			if slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(line, []byte(w)) }) {
				return true
			}
		}
		return false
	}
}

// assigned reports whether text of lines NAME=value gives a value to a name
// that holds a credential.
func assigned(content []byte) bool {
	for line := range bytes.Lines(content) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(line)), "export "), "=")
		name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"'`)
		if ok && !strings.HasPrefix(name, "#") && Name(name) && !Placeholder(value) && !HarmlessValue(value) {
			return true
		}
	}
	return false
}

// gitPassword finds what checkouts in CI leave behind, and the settings of pip: an
// address with a password, or an authorization header.
func gitPassword(content []byte) bool {
	for line := range bytes.Lines(bytes.ToLower(content)) {
		name, value, _ := strings.Cut(string(bytes.TrimSpace(line)), "=")
		value = strings.TrimSpace(value)
		if strings.TrimSpace(name) == "extraheader" && strings.Contains(value, "authorization") {
			return true
		}
		if _, ok := URLPassword(value); ok {
			return true
		}
	}
	return false
}
