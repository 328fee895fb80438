package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/credential"
)

// Limits on looking for credentials in files whose names do not suggest any.
const (
	maxKey     = 1 << 20 // bytes of the largest file that only its owner reads
	maxLooked  = 20_000  // files
	concurrent = 8       // files at a time
)

// secret says why a file that include: does not name looks like a credential,
// or "". An empty file hides nothing.
func (m *maker) secret(ctx context.Context, name string, e tree.Entry) (string, error) {
	if m.named[name] || slices.ContainsFunc(m.namedDirs, func(dir string) bool { return strings.HasPrefix(name, dir+"/") }) {
		return "", nil
	}
	return m.held(ctx, name, e)
}

// held says why a file looks like a credential, or "".
func (m *maker) held(ctx context.Context, name string, e tree.Entry) (string, error) {
	if why, ok := m.secrets[name]; ok {
		return why, nil
	}
	why := ""
	if suspect(name, e) {
		var err error
		if why, err = look(ctx, m.t, name); err != nil {
			return "", err
		}
	}
	m.secrets[name] = why
	return why, nil
}

// suspect reports whether a file has to be looked at: its name may be that of
// a credential, it has the size of a key, or only its owner may read it.
func suspect(name string, e tree.Entry) bool {
	if !e.IsRegular() || e.Size == 0 {
		return false
	}
	return environmentFile(name) || credential.MayHold(name, e.Size) || ownersOnly(e.Mode) && e.Size <= maxKey
}

// look reads the beginning of a file and says what credential it holds, or "".
func look(ctx context.Context, t tree.Tree, name string) (string, error) {
	if environmentFile(name) {
		return "is an environment file, which holds secrets as a rule", nil
	}
	r, err := t.Open(ctx, name)
	if err != nil {
		return "", fmt.Errorf("looking for a credential: %w", err)
	}
	head := make([]byte, credential.MaxContent)
	n, err := r.ReadAt(head, 0)
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("looking for a credential in %s: %w", name, err)
	}
	what, ok := credential.Held(name, head[:n])
	switch {
	case !ok:
		return "", nil
	case what == "a private key":
		return "is a private key", nil
	}
	return "holds " + what, nil
}

// environmentFile reports whether a file is one of variables, which holds
// secrets as a rule, and not there to be copied and filled in.
func environmentFile(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, ".env") && !slices.ContainsFunc([]string{"example", "sample", "template", "dist", "tmpl"}, func(s string) bool { return strings.Contains(base, s) })
}

// ownersOnly reports whether only its owner can use a file or directory: it has
// no bit for the group or for others.
func ownersOnly(mode fs.FileMode) bool { return mode&0o077 == 0 }

// lookAhead looks at the changed files that no package brought, several at a
// time, since over a connection most of the time goes by waiting.
func (k *keeper) lookAhead(ctx context.Context) error {
	var names []string
	for _, name := range k.names {
		if _, ok := k.owned[name]; ok || k.entries[name] != nil || !suspect(name, k.changed[name]) {
			continue
		}
		if len(names) == maxLooked {
			k.warn("COPY", fmt.Sprintf("only the first %d of very many small files were looked at for private keys", maxLooked), "keep keys out of the build context")
			for _, rest := range k.names {
				e := k.changed[rest]
				if _, looked := k.secrets[rest]; !looked && !slices.Contains(names, rest) && !ownersOnly(e.Mode) {
					if _, ok := credential.File(rest); !ok && !environmentFile(rest) {
						k.secrets[rest] = ""
					}
				}
			}
			break
		}
		names = append(names, name)
	}
	found := make([]string, len(names))
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(concurrent)
	for i, name := range names {
		eg.Go(func() (err error) {
			found[i], err = look(ctx, k.t, name)
			return err
		})
	}
	if err := eg.Wait(); err != nil {
		return err
	}
	for i, name := range names {
		k.secrets[name] = found[i]
	}
	return nil
}

// findIncluded finds what include: names, before anything is decided: a
// credential among that is carried. A directory names the credentials in it
// only where it is known as one of credentials, such as ~/.aws.
func (m *maker) findIncluded(ctx context.Context) error {
	for _, pattern := range m.opts.Include {
		names, err := m.glob(ctx, pattern)
		if err != nil {
			return err
		}
		m.globbed = append(m.globbed, names)
		for _, name := range names {
			res, err := tree.Resolve(ctx, m.t, name)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
				continue
			}
			if err != nil {
				return fmt.Errorf("include: %w", err)
			}
			if !res.Entry.IsDir() {
				m.named[name], m.named[res.Path] = true, true
			} else if _, ok := credential.File(res.Path); ok {
				m.namedDirs = append(m.namedDirs, res.Path)
			}
		}
	}
	return nil
}

// warnSecret says that a file stays behind because it looks like a secret.
func (m *maker) warnSecret(name, why string) {
	m.warn("COPY", fmt.Sprintf("%s was left out: it %s; include: %s would carry it", name, why, name), "mount it as a secret at run time")
}
