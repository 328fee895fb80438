package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxPages is how many pages of a list of referrers are read. Registries put
// some hundred entries on one.
const maxPages = 1000

// Referrers lists the manifests that have a digest as their subject, page by
// page: from the registry's API, or from the tag that stands in for it (OCI
// distribution spec, "Listing Referrers"). see is shown each and returns false
// when it wants no more. Entries that are no descriptors are passed over.
func (c Client) Referrers(ctx context.Context, d name.Digest, see func(v1.Descriptor) bool) error {
	client, err := c.authorized(ctx, d.Repository)
	if err != nil {
		return err
	}
	page := &url.URL{
		Scheme: d.Scheme(), Host: d.RegistryStr(),
		Path: fmt.Sprintf("/v2/%s/referrers/%s", d.RepositoryStr(), d.DigestStr()),
	}
	for n := range maxPages {
		raw, next, err := referrersPage(ctx, client, page)
		if n == 0 && errors.Is(err, errNoReferrers) {
			return c.tagged(ctx, d, see)
		}
		if err != nil {
			return err
		}
		if more, err := show(raw, see); err != nil || !more || next == nil {
			return err
		}
		if page = next; page.Host != d.RegistryStr() || page.Scheme != d.Scheme() {
			return fmt.Errorf("the list of referrers goes on at another host, %s", page.Host)
		}
	}
	return fmt.Errorf("the list of referrers has more than %d pages", maxPages)
}

// authorized is a client with the credentials to read from a repository.
func (c Client) authorized(ctx context.Context, r name.Repository) (*http.Client, error) {
	auth, err := authn.Resolve(ctx, c.keychain(), r)
	if err != nil {
		return nil, err
	}
	t, err := transport.NewWithContext(ctx, r.Registry, auth, c.transport(), []string{r.Scope(transport.PullScope)})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: t}, nil
}

// errNoReferrers is a registry that has no API for referrers.
var errNoReferrers = errors.New("the registry does not list referrers")

func referrersPage(ctx context.Context, client *http.Client, page *url.URL) (raw []byte, next *url.URL, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, page.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	q.Header.Set("Accept", string(types.OCIImageIndex))
	res, err := client.Do(q)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	// What go-containerregistry takes for a registry without the API, too.
	if err := transport.CheckError(res, http.StatusOK, http.StatusNotFound, http.StatusBadRequest, http.StatusNotAcceptable); err != nil {
		return nil, nil, err
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode != http.StatusOK || types.MediaType(kind) != types.OCIImageIndex {
		return nil, nil, errNoReferrers
	}
	if raw, err = io.ReadAll(res.Body); err != nil {
		return nil, nil, err
	}
	next, err = nextPage(page, res.Header)
	return raw, next, err
}

// link is a target and its parameters in a Link header (RFC 8288).
var link = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`<([^>]*)>((?:\s*;\s*[\w*]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)`)
})

// nextPage finds the next page of a list, or nil.
func nextPage(page *url.URL, h http.Header) (*url.URL, error) {
	for _, m := range link().FindAllStringSubmatch(strings.Join(h.Values("Link"), ","), -1) {
		if rel := strings.ToLower(strings.NewReplacer(`"`, "", " ", "").Replace(m[2])); !strings.Contains(rel+";", ";rel=next;") {
			continue
		}
		next, err := page.Parse(m[1])
		if err != nil {
			return nil, fmt.Errorf("the next page of the list of referrers: %w", err)
		}
		return next, nil
	}
	return nil, nil
}

// tagged shows the list under the tag that stands in for the API.
func (c Client) tagged(ctx context.Context, d name.Digest, see func(v1.Descriptor) bool) error {
	desc, err := remote.Get(d.Tag(strings.Replace(d.DigestStr(), ":", "-", 1)), c.Options(ctx)...)
	if t, ok := errors.AsType[*transport.Error](err); ok && t.StatusCode == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = show(desc.Manifest, see)
	return err
}

// show shows the entries of one list.
func show(raw []byte, see func(v1.Descriptor) bool) (more bool, err error) {
	var list struct {
		Manifests []json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return false, fmt.Errorf("reading the list of referrers: %w", err)
	}
	for _, entry := range list.Manifests {
		var desc v1.Descriptor
		if json.Unmarshal(entry, &desc) == nil && !see(desc) {
			return false, nil
		}
	}
	return true, nil
}
