// Package sbom writes the bill of materials of a planned image. The plan knows
// every file and why it is there, so nothing is scanned or guessed.
package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/whittle-oci/whittle/builder/plan"
)

// Options are what a document says besides the plan.
type Options struct {
	Name     string    // of the image, "image" when not known
	Platform string    // for the document's name
	Created  time.Time // time of the document: the image's, so that it is reproducible
	Version  string    // of whittle
}

// SPDX writes the plan's packages and Go modules as an SPDX 2.3 document in
// JSON (spdx.github.io/spdx-spec/v2.3). The identifier of the document is made
// from its content: equal plans give equal documents.
func SPDX(p *plan.Plan, o Options) ([]byte, error) {
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
	for _, pkg := range p.Packages {
		licence := strings.Join(pkg.Licenses, " AND ")
		if licence == "" {
			licence = "NOASSERTION"
		}
		add(doc, &spdx.Package{
			PackageName: pkg.Name, PackageVersion: pkg.Version, PackageSPDXIdentifier: id("Package", pkg.Origin, pkg.Name, pkg.Arch),
			PackageSourceInfo: source(pkg.Source), PackageLicenseDeclared: licence,
			PackageExternalReferences: purl(pkg.PURL),
		})
	}
	seen := map[string]bool{}
	for _, m := range p.Modules {
		ident := id("Module", m.Path, m.Version)
		if seen[string(ident)] {
			continue
		}
		seen[string(ident)] = true
		ref := "pkg:golang/" + m.Path
		if m.Version != "" && m.Version != "(devel)" {
			ref += "@" + m.Version
		}
		add(doc, &spdx.Package{
			PackageName: m.Path, PackageVersion: m.Version, PackageSPDXIdentifier: ident,
			PackageSourceInfo: "linked into " + m.Program, PackageLicenseDeclared: "NOASSERTION", PackageExternalReferences: purl(ref),
		})
	}
	return finish(doc)
}

func add(doc *spdx.Document, p *spdx.Package) {
	p.PackageDownloadLocation = "NOASSERTION"
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
var notID = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

func id(parts ...string) common.ElementID {
	return common.ElementID(strings.Trim(notID.ReplaceAllString(strings.Join(parts, "-"), "-"), "-"))
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
