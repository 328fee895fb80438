// Package sbom writes the bill of materials of a planned image. The plan knows
// every file and why it is there, so nothing is scanned or guessed.
package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/package-url/packageurl-go"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/whittle-oci/whittle/builder/image"
)

// Options are what a document says besides the plan.
type Options struct {
	Name     string    // of the image, "image" when not known
	Platform string    // for the document's name
	Created  time.Time // time of the document: the image's, so that it is reproducible
	Version  string    // of whittle
	// Compact leaves out what a reader can do without, for documents that
	// would otherwise be too large to travel: what a package was built from,
	// and that the image contains each of the packages.
	Compact bool
}

// SPDX writes the plan's packages and Go modules as an SPDX 2.3 document in
// JSON (spdx.github.io/spdx-spec/v2.3). The identifier of the document is made
// from its content: equal plans give equal documents.
func SPDX(p *image.Plan, o Options) ([]byte, error) {
	if o.Name == "" {
		o.Name = "image"
	}
	doc := &spdx.Document{
		SPDXVersion:    spdx.Version,
		DataLicense:    spdx.DataLicense,
		SPDXIdentifier: "DOCUMENT",
		DocumentName:   strings.TrimSuffix(o.Name+" "+o.Platform, " "),
		CreationInfo: &spdx.CreationInfo{
			Creators: []common.Creator{{CreatorType: "Tool", Creator: strings.TrimSuffix("whittle-"+o.Version, "-")}},
			Created:  o.Created.UTC().Format(time.RFC3339),
		},
	}
	root := &spdx.Package{
		PackageName: o.Name, PackageSPDXIdentifier: "Image", PackageDownloadLocation: "NOASSERTION",
		PrimaryPackagePurpose: "CONTAINER", PackageLicenseConcluded: "NOASSERTION", PackageLicenseDeclared: "NOASSERTION", PackageCopyrightText: "NOASSERTION",
	}
	doc.Packages = append(doc.Packages, root)
	doc.Relationships = append(doc.Relationships, relation("DOCUMENT", "DESCRIBES", "Image"))
	taken := map[common.ElementID]bool{}
	for _, pkg := range p.Packages {
		add(doc, o, &spdx.Package{
			PackageName: pkg.Name, PackageVersion: pkg.Version, PackageSPDXIdentifier: id(taken, "Package", pkg.Origin, pkg.Name, pkg.Arch),
			PackageSourceInfo: source(pkg.Source), PackageLicenseDeclared: licence(pkg.Licenses),
			PackageExternalReferences: purl(pkg.PURL),
		})
	}
	for _, m := range linked(p.Components) {
		kind, where := []string{"Module", m.Name, m.Version}, "linked into "
		if m.Type != packageurl.TypeGolang {
			kind, where = []string{"Package", m.Type, m.Name, m.Version}, "installed, as said by "
		}
		add(doc, o, &spdx.Package{
			PackageName: m.Name, PackageVersion: m.Version, PackageSPDXIdentifier: id(taken, kind...),
			PackageSourceInfo: where + m.Program, PackageLicenseDeclared: "NOASSERTION", PackageExternalReferences: purl(modulePURL(m)),
		})
	}
	return finish(doc)
}

// linked gives every module once, with all the programs that have it.
func linked(modules []image.Component) []image.Component {
	var out []image.Component
	at := map[[3]string]int{}
	programs := map[[4]string]bool{}
	for _, m := range modules {
		i, ok := at[[3]string{m.Type, m.Name, m.Version}]
		in := [4]string{m.Type, m.Name, m.Version, m.Program}
		switch {
		case !ok:
			at[[3]string{m.Type, m.Name, m.Version}] = len(out)
			out = append(out, m)
		case !programs[in]:
			out[i].Program += ", " + m.Program
		}
		programs[in] = true
	}
	return out
}

// modulePURL writes a package URL of a component's type: golang, npm, pypi. A
// module without a version, as the main one often is, has none there either.
func modulePURL(m image.Component) string {
	version := m.Version
	if version == "(devel)" {
		version = ""
	}
	namespace, name := path.Split(m.Name)
	return packageurl.NewPackageURL(m.Type, strings.TrimSuffix(namespace, "/"), name, version, nil, "").ToString()
}

// expression matches what an SPDX licence expression is made of (SPDX 2.3,
// annex D).
var expression = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*$`)
})

// licence joins declared licences. What is no expression, as distributions
// sometimes have it, asserts nothing.
func licence(declared []string) string {
	var out []string
	for _, l := range declared {
		if !expression().MatchString(strings.NewReplacer("(", "", ")", "").Replace(l)) {
			return "NOASSERTION"
		}
		if len(declared) > 1 && strings.Contains(l, " ") {
			l = "(" + l + ")"
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return "NOASSERTION"
	}
	return strings.Join(out, " AND ")
}

// add puts a package into the image. All but the place of the download may be
// left out where nothing is known (SPDX 2.3, clause 7).
func add(doc *spdx.Document, o Options, p *spdx.Package) {
	p.PackageDownloadLocation = "NOASSERTION"
	if o.Compact {
		p.PackageSourceInfo = ""
		if p.PackageLicenseDeclared == "NOASSERTION" {
			p.PackageLicenseDeclared = ""
		}
		doc.Packages = append(doc.Packages, p)
		return
	}
	p.PackageLicenseConcluded = "NOASSERTION"
	p.PackageCopyrightText = "NOASSERTION"
	doc.Packages = append(doc.Packages, p)
	doc.Relationships = append(doc.Relationships, relation("Image", "CONTAINS", string(p.PackageSPDXIdentifier)))
}

// finish names the document after a digest of its content.
func finish(doc *spdx.Document) ([]byte, error) {
	plain, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("writing the SBOM: %w", err)
	}
	sum := sha256.Sum256(plain)
	doc.DocumentNamespace = "https://whittle-oci.github.io/spdx/" + hex.EncodeToString(sum[:])
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("writing the SBOM: %w", err)
	}
	return b.Bytes(), nil
}

// notID matches what an SPDX identifier may not hold.
var notID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[^A-Za-z0-9.-]+`)
})

// id makes an identifier that no other element has: libstdc++6 and libstdc-6
// would be alike.
func id(taken map[common.ElementID]bool, parts ...string) common.ElementID {
	base := strings.Trim(notID().ReplaceAllString(strings.Join(parts, "-"), "-"), "-")
	out := common.ElementID(base)
	for n := 2; taken[out]; n++ {
		out = common.ElementID(fmt.Sprintf("%s-%d", base, n))
	}
	taken[out] = true
	return out
}

func relation(from, kind, to string) *spdx.Relationship {
	return &spdx.Relationship{
		RefA: common.DocElementID{ElementRefID: common.ElementID(from)}, RefB: common.DocElementID{ElementRefID: common.ElementID(to)}, Relationship: kind,
	}
}

func source(name string) string {
	if name == "" {
		return ""
	}
	return "built from the source package " + name
}

func purl(locator string) []*spdx.PackageExternalReference {
	if locator == "" {
		return nil
	}
	return []*spdx.PackageExternalReference{{Category: "PACKAGE-MANAGER", RefType: "purl", Locator: locator}}
}
