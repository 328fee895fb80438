package plan

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/tree"
)

// maxKey is the largest file that is looked at for a private key, in bytes.
const maxKey = 1 << 20

// credentialFiles are files in which tools keep credentials.
var credentialFiles = []string{".npmrc", ".netrc", ".pypirc", ".git-credentials", ".dockercfg", ".pgpass", ".my.cnf"}

// secret says why a file looks like a secret, or "". Names decide for files of
// credentials, content for keys. An empty file hides nothing.
func (m *maker) secret(ctx context.Context, name string, e tree.Entry) (string, error) {
	base := path.Base(name)
	switch {
	case e.Size == 0 || !e.IsRegular():
		return "", nil
	case strings.HasPrefix(base, ".env") && !example(base):
		return "is an environment file, which holds secrets as a rule", nil
	case slices.Contains(credentialFiles, base) || base == "config.json" && path.Base(path.Dir(name)) == ".docker":
		return "holds credentials as a rule", nil
	case !keyName(name) || e.Size > maxKey:
		return "", nil
	}
	data, err := tree.ReadFile(ctx, m.t, name, maxKey)
	if err != nil {
		return "", fmt.Errorf("looking for a private key: %w", err)
	}
	for _, mark := range []string{"PRIVATE KEY-----", "PRIVATE KEY BLOCK-----", "PuTTY-User-Key-File-", "AGE-SECRET-KEY-"} {
		if bytes.Contains(data, []byte(mark)) {
			return "is a private key", nil
		}
	}
	return "", nil
}

// example reports whether an environment file is there to be copied and
// filled in.
func example(base string) bool {
	return slices.ContainsFunc([]string{"example", "sample", "template", "dist", "tmpl"}, func(s string) bool { return strings.Contains(base, s) })
}

// keyName reports whether a file of that name may be a private key.
func keyName(name string) bool {
	base := strings.ToLower(path.Base(name))
	if strings.HasPrefix(base, "id_") || path.Base(path.Dir(name)) == ".ssh" {
		return true
	}
	switch path.Ext(base) {
	case ".pem", ".key", ".ppk", ".p8", ".pk8", ".rsa", ".asc", ".gpg":
		return true
	case "", ".txt":
		return strings.Contains(base, "key") || strings.Contains(base, "private")
	}
	return false
}

// warnSecret says that a file stays behind because it looks like a secret.
func (m *maker) warnSecret(name, why string) {
	m.warn("COPY", fmt.Sprintf("%s was left out: it %s", name, why), "mount it as a secret at run time; include: carries it all the same")
}
