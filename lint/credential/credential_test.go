package credential_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/source"
)

// The names are ones that Dockerfiles have, and that users of other linters
// wrote to their makers about.
var (
	holding = []string{
		"PASSWORD", "DB_PASSWORD", "dbPassword", "MYSQL_ROOT_PASSWORD", "LDAP_ROOTPASS", "DBPASSWORD", "MAIL_PASS", "ORACLE_PWD", "JENKINS_PSW", "SECRET_PASSPHRASE",
		"NPM_TOKEN", "GithubToken", "GH_PAT", "api_key", "APIKEY", "apiKey", "OPENAI_API_KEY", "SECRET_KEY_BASE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"private-key", "CLIENT_SECRET", "DJANGO_SECRET_KEY", "git_key", "auth", "SUPER_Secret", "credentials", "GOOGLE_CREDENTIALS", "TOKEN_V2", "VAULT.TOKEN", "BOT_TOKEN4", "password2",
	}
	innocent = []string{
		"SSH_AUTH_SOCK", "TOKEN_FILE", "MINIO_ACCESS_KEY_FILE", "SECRET_PATH", "GITHUB_AUTH_VERSION", "AUTH_MODULE_VERSION", "PASSWORD_MIN_LENGTH", "TOKEN_TTL", "MAX_TOKENS", "LLM_MAX_NEW_TOKENS", "AUTH_METHOD",
		"POSTGRES_HOST_AUTH_METHOD", "GPG_KEY", "GPG_KEYS", "WORDPRESS_CLI_GPG_KEY", "PUBLIC_KEY", "public_token", "KEY_ID", "ALLOW_EMPTY_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD_ENABLED",
		"ANSIBLE_HOST_KEY_CHECKING", "RECAPTCHA_SITE_KEY", "PWD", "OLDPWD", "CREDENTIALS_PATH", "TOKEN_URL", "KEYCLOAK_VERSION", "SECRET_NAME", "NO_AUTH", "password_file",
		"BUCKET_KEY", "issuerKeyHash", "keyPressed", "csrf-token", "KEY_PAIR",
	}
	unrelated = []string{"USERNAME", "MONKEY", "AUTHORS", "COMPASS", "PATH", "PATTERN", "KEYCLOAK_HOME", "TOKENIZERS_PARALLELISM", "BYPASS", "PASS_THROUGH", "", "_", "SECRETARY", "LDAP_PATCH", "AUTH0_DOMAIN", "BUNDLE_BUILD__NOKOGIRI", "BUNDLE_PATH__SYSTEM", "BUNDLE_WITHOUT", "X_BUNDLE__COM"}
)

func TestName(t *testing.T) {
	for _, n := range holding {
		if !credential.Name(n) || credential.Harmless(n) {
			t.Errorf("%s holds a credential", n)
		}
	}
	for _, n := range slices.Concat(innocent, unrelated) {
		if credential.Name(n) {
			t.Errorf("%s holds none", n)
		}
	}
	for _, n := range unrelated {
		if credential.Harmless(n) {
			t.Errorf("%s has nothing to do with one", n)
		}
	}
}

// TestBundler knows the names under which Bundler looks for credentials, of
// which BuildKit says nothing.
func TestBundler(t *testing.T) {
	for _, n := range []string{"BUNDLE_GEMS__CONTRIBSYS__COM", "BUNDLE_GEM__FURY__IO", "BUNDLE_RUBYGEMS__PKG__GITHUB__COM"} {
		if !credential.Name(n) || credential.Harmless(n) {
			t.Errorf("%s holds a credential", n)
		}
	}
}

func TestCertain(t *testing.T) {
	for _, n := range []string{"PASSWORD", "db_pwd", "API_KEY", "private_key", "NPM_TOKEN", "CLIENT_SECRET", "AUTH_TOKEN", "github_pat"} {
		if !credential.Certain(n) {
			t.Errorf("%s holds a credential for certain", n)
		}
	}
	for _, n := range []string{"key", "KEY", "auth", "SSH_KEY", "pass", "TOKEN_FILE", "GPG_KEY", "", "x"} {
		if credential.Certain(n) {
			t.Errorf("%s may hold something else", n)
		}
	}
}

// TestAtLeastBuildKit asks BuildKit's own check: it knows no name that is not
// known here.
func TestAtLeastBuildKit(t *testing.T) {
	names := slices.Concat(holding, innocent, unrelated)
	for _, w := range []string{"apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"} {
		names = append(names, w, "A_"+w, w+"_B", "a_"+strings.ToUpper(w)+"_b")
	}
	warned := 0
	for _, n := range names {
		if n == "" || strings.ContainsAny(n, ".-") {
			continue
		}
		src := source.NewFile("Dockerfile", fmt.Appendf(nil, "FROM scratch\nARG %s\n", n))
		diags, err := lint.Run(t.Context(), src, lint.Options{Checkers: []lint.Checker{&buildkit.Checker{}}})
		if err != nil {
			t.Fatal(err)
		}
		if len(diags) == 0 {
			continue
		}
		warned++
		if !credential.Name(n) && !credential.Harmless(n) {
			t.Errorf("BuildKit says of %s: %s", n, diags[0].Message)
		}
	}
	if warned < 40 {
		t.Errorf("BuildKit warned of %d names only", warned)
	}
}

func TestHarmlessValue(t *testing.T) {
	for v, want := range map[string]bool{
		"true": true, `"no"`: true, "/run/secrets/token": true, "./key.json": true, "https://example.test/token": true, "file:/etc/key": true,
		"C874011F0AB405110D02105534365D9472D7468F": true, "573BFD6B3D8FBC641079A6ABABF5BD827BD9BF62 8540A6F18833A80E9C1653A42FD21310B49F6B46": true,
		"9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08": false, "hunter2": false, "https://user:pass@example.test": false, "c874011f0ab405110d02105534365d9472d7468f": false, "/abc+def==": false, "": false,
	} {
		if got := credential.HarmlessValue(v); got != want {
			t.Errorf("%q: got %v", v, got)
		}
	}
}

func TestFile(t *testing.T) {
	for name, want := range map[string]string{
		".env": "certain", "app/.env.production": "certain", ".env.example": "", "prod.env": "by content", "id_rsa": "certain", "id_rsa.pub": "", "keys/server.key": "by content",
		"tls/privkey.pem": "certain", "ca.pem": "by content", "cert.pem": "by content", "release.keystore": "certain", ".aws/credentials": "certain", ".aws/config": "", "aws/config": "",
		"home/.ssh/id_work": "certain", ".ssh/known_hosts": "", ".docker/config.json": "certain", "config.json": "", "package.json": "", "gcp-service-account-prod.json": "by content",
		`C:\keys\.npmrc`: "certain", "./.netrc/": "certain", "main.go": "", "environment": "", ".envrc": "by content", "terraform.tfvars": "by content", "terraform.tfvars.example": "",
	} {
		kind, ok := credential.File(name)
		got := ""
		if ok {
			got = map[bool]string{true: "certain", false: "by content"}[kind.Certain]
		}
		if got != want || ok && kind.What == "" {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestHeld holds files with their contents to what they are.
func TestHeld(t *testing.T) {
	const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n"
	for _, c := range []struct{ name, content, want string }{
		{"/home/dev/etc/host", key, "a private key"},
		{"/etc/ssh/ssh_host_rsa_key", key, "a private key"},
		{"/srv/data.bin", "\xef\xbb\xbf\n" + key, "a private key"},
		{"/srv/tls.crt", "Bag Attributes\r\n-----BEGIN CERTIFICATE-----\r\nMII\r\n-----END CERTIFICATE-----\r\n-----BEGIN RSA PRIVATE KEY-----\r\n", "a private key"},
		{"/srv/a", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "a private key"},
		{"/srv/a", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n", "a private key"},
		{"/srv/a", "PuTTY-User-Key-File-3: ssh-ed25519\n", "a private key"},
		{"/srv/a", "# public key: age1\nAGE-SECRET-KEY-1QQQ\n", "a private key"},
		{"/srv/app.js", key, "a private key"}, // nothing but a key
		{"/srv/app.js", "const k = `\n" + key + "`\n", ""},
		{"/srv/README.md", "Like this:\n\n" + key, ""},
		{"/usr/bin/ssh-keygen", "\x7fELF\x02\n" + key, ""},
		{"/srv/.env", "\x7fELF", ""},
		{"/srv/a", "text: -----BEGIN PRIVATE KEY-----\n", ""},
		{"/srv/a", "-----BEGIN PRIVATE KEY\n", ""},
		{"/srv/a", "-----BEGIN PUBLIC KEY-----\n", ""},
		{"/srv/id_rsa.pub", "ssh-rsa AAAA\n", ""},
		{"/srv/key.pem", "-----BEGIN CERTIFICATE-----\n", ""},
		{"/srv/public_key.pem", "-----BEGIN PUBLIC KEY-----\n", ""},
		{"/root/.aws/credentials", "x", "AWS credentials"},
		{"/root/.aws/config", "x", ""},
		{"/root/.kube/config", "x", "a cluster's credentials"},
		{"/root/.config/gcloud/application_default_credentials.json", "{}", "cloud credentials"},
		{"/etc/krb5.keytab", "\x05\x02", "a Kerberos key"},
		{"/srv/keystore.p12", "x", "a private key"},
		{"/srv/truststore.p12", "x", ""},
		{"/srv/truststore.jks", "x", ""},
		{"/root/.gnupg/pubring.kbx", "x", ""},
		{"/root/.gnupg/private-keys-v1.d/a.key", "x", "private keys"},
		{"/srv/gcp-account.json", `{"private_key": "x"}`, "a service account's key"},
		{"/srv/gcp-account.json", `{}`, ""},
		{"/srv/master.key", "0123", "Rails' master key"},
		{"/root/.ssh/known_hosts", "a.test ssh-rsa AAAA\n", ""},
		{"/srv/empty/.npmrc", "", ""},
	} {
		what, ok := credential.Held(c.name, []byte(c.content))
		if what != c.want && ok || ok != (c.want != "") {
			t.Errorf("%s, %.30q: %q %v, want %q", c.name, c.content, what, ok, c.want)
		}
		if ok && !credential.MayHold(c.name, int64(len(c.content))) && !strings.HasSuffix(c.name, ".js") {
			t.Errorf("%s would not be looked at", c.name)
		}
	}
}

func TestFind(t *testing.T) {
	const body = "1a2B3c4D5e6F7g8H9i0JkLmNoPqRsTuVwXyZ"
	for text, want := range map[string][]string{
		"token ghp_" + body + "\n":         {"a GitHub token"},
		"ghp_" + body + " and ghp_" + body: {"a GitHub token", "a GitHub token"},
		"AKIAQYLPMN5HHHFPZAM2":             {"an AWS access key"},
		"AKIAIOSFODNN7EXAMPLE":             nil, // the one in AWS's documentation
		"xAKIAQYLPMN5HHHFPZAM2":            nil,
		"AKIAQYLPMN5HHHFPZAM2X":            nil,
		"-d @x https://hooks.slack.com/services/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": {"a Slack webhook"},
		"https://hooks.slack.com/services/T000/B000/x":                                            nil,
		"ghp_short": nil,
		"ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx":        nil,
		"ghp_000000000000000000000000000000000000":        nil,
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl":       {"a private key"},
		"-----BEGIN PGP PRIVATE KEY BLOCK-----":           {"a private key"},
		"-----BEGIN CERTIFICATE-----":                     nil,
		"-----BEGIN ":                                     nil,
		"pypi-AgEIcHlwaS5vcmc" + body + body:              {"a PyPI token"},
		"ENV K=AIzaSyCkfPOPZXDKNn8hhgu3JrA62wIgC93d44k\n": {"a Google API key"},
	} {
		var got []string
		for _, m := range credential.Find([]byte(text)) {
			got = append(got, m.What)
			if m.Start < 0 || m.End > len(text) || m.Start >= m.End {
				t.Errorf("%q: [%d,%d)", text, m.Start, m.End)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: -want +got\n%s", text, diff)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte("ghp_1a2B3c4D5e6F7g8H9i0JkLmNoPqRsTuVwXyZ -----BEGIN PRIVATE KEY-----"))
	f.Add([]byte("-----BEGIN -----BEGIN AKIAAKIA"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, m := range credential.Find(text) {
			if m.Start < 0 || m.End > len(text) || m.Start >= m.End || m.What == "" {
				t.Fatalf("[%d,%d) %q of %d bytes", m.Start, m.End, m.What, len(text))
			}
		}
	})
}

// TestPaths holds the two lists of files together.
func TestPaths(t *testing.T) {
	paths := credential.Paths()
	for _, name := range []string{".env", "app/.env", ".env.production", "id_rsa", "keys/server.key", ".aws/credentials", ".ssh/id_work", ".git/config", ".docker/config.json", "gcp-service-account.json"} {
		if _, ok := credential.File(name); !ok {
			t.Errorf("%s is no file of credentials", name)
		}
		if !slices.ContainsFunc(paths, func(p string) bool { ok, err := path.Match(p, name); return ok && err == nil }) {
			t.Errorf("%s is not looked for", name)
		}
	}
	for _, p := range paths {
		if _, err := path.Match(p, ""); err != nil || strings.HasPrefix(p, "/") {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// FuzzFile takes any name and content.
func FuzzFile(f *testing.F) {
	f.Add(".npmrc", []byte("//a.test/:_authToken=x\n"))
	f.Add(".git/config", []byte("url = https://u:p@a.test/x\nextraheader = AUTHORIZATION: x\n"))
	f.Add("x.pem", []byte("-----BEGIN RSA PRIVATE KEY-----"))
	f.Add(".env", []byte("export A_TOKEN='x'\n#B=c\n=\n"))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		if k, ok := credential.File(name); ok {
			k.Holds(content)
			if k.What == "" {
				t.Fatalf("%q holds nothing", name)
			}
		}
		if what, ok := credential.Held(name, content); ok && what == "" {
			t.Fatalf("%q holds nothing", name)
		}
		credential.Name(name)
		credential.Placeholder(name)
		credential.HarmlessValue(name)
	})
}
