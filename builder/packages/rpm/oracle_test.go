package rpm_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// spec makes 25 packages, so that tables have several pages, of which one has
// so many files that its header takes pages of its own.
const spec = `Name: many
Version: 1.0
Release: 1.el9
Epoch: 3
Summary: many packages
License: MIT and BSD
Vendor: Example
BuildArch: noarch
Requires: /bin/sh
Requires(post): coreutils
Provides: something = 2
%description
Many packages.
%{lua:
for i = 1, 25 do
  print("%package -n sub" .. i .. "\nSummary: one of many\nVersion: " .. i .. ".1\nRequires: many = 3:1.0\n")
  print("%description -n sub" .. i .. "\nOne.\n")
  print("%files -n sub" .. i .. "\n%dir /usr/share/sub" .. i .. "\n/usr/share/sub" .. i .. "/file\n")
end
}
%install
for i in $(seq 25); do mkdir -p %{buildroot}/usr/share/sub$i; echo $i >%{buildroot}/usr/share/sub$i/file; done
mkdir -p %{buildroot}/usr/share/many %{buildroot}/etc %{buildroot}/usr/share/licenses/many
touch %{buildroot}/etc/many.state %{buildroot}/usr/share/licenses/many/LICENSE
echo hello >%{buildroot}/etc/many.conf
seq 800 | (cd %{buildroot}/usr/share/many && xargs touch)
%files
/usr/share/many
%license /usr/share/licenses/many/LICENSE
%config(noreplace) /etc/many.conf
%ghost /etc/many.state
`

// run starts a program of the distribution's, with a home of the test's own.
func run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("this test needs %s, which make setup installs: %v", name, err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C")
	cmd.Stdin = strings.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// lines are the lines of a program's output, in order.
func lines(text string) []string {
	return slices.Sorted(slices.Values(strings.Split(strings.TrimSpace(text), "\n")))
}

// TestLikeRPM builds and installs packages with rpm, and reads its SQLite
// database as rpm itself does, and the same headers from a database that
// Berkeley DB wrote, which rpm reads as well.
func TestLikeRPM(t *testing.T) {
	top := t.TempDir()
	file := filepath.Join(top, "many.spec")
	if err := os.WriteFile(file, []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "", "rpmbuild", "-bb", "--define", "_topdir "+top, "--define", "_binary_payload w1.gzdio", file)
	built, err := filepath.Glob(filepath.Join(top, "RPMS/noarch/*.rpm"))
	if err != nil || len(built) != 26 {
		t.Fatalf("%d packages, %v", len(built), err)
	}
	db := filepath.Join(top, "root/var/lib/rpm")
	run(t, "", "rpm", append([]string{"--dbpath", db, "--define", "_db_backend sqlite", "-i", "--justdb", "--nodeps", "--noscripts", "--nosignature"}, built...)...)
	// Removing leaves free pages behind.
	run(t, "", "rpm", "--dbpath", db, "--define", "_db_backend sqlite", "-e", "--justdb", "--nodeps", "sub7", "sub8")
	all := sameAsRPM(t, "sqlite", filepath.Join(top, "root"), db)
	if len(all) != 24 {
		t.Errorf("%d packages", len(all))
	}

	old := filepath.Join(top, "old/var/lib/rpm")
	if err := os.MkdirAll(old, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, size := range []string{"512", "4096", "65536"} {
		os.Remove(filepath.Join(old, "Packages"))
		var dump strings.Builder
		fmt.Fprintf(&dump, "VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=%s\nHEADER=END\n 00000000\n 18000000\n", size)
		for i, h := range headersOf(t, filepath.Join(db, "rpmdb.sqlite")) {
			fmt.Fprintf(&dump, " %02x%02x0000\n %s\n", (i+1)&0xff, (i+1)>>8, hex.EncodeToString(h))
		}
		run(t, dump.String()+"DATA=END\n", "db5.3_load", filepath.Join(old, "Packages"))
		if got := sameAsRPM(t, "bdb_ro", filepath.Join(top, "old"), old); !cmp.Equal(all, got) {
			t.Errorf("Berkeley DB with pages of %s bytes: %s", size, cmp.Diff(all, got))
		}
	}
}

// headersOf gives the headers of an SQLite database, as SQLite reads them.
func headersOf(t *testing.T, file string) [][]byte {
	var out [][]byte
	for line := range strings.Lines(run(t, "", "sqlite3", "-readonly", file, "SELECT hex(blob) FROM Packages")) {
		h, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h)
	}
	return out
}

// sameAsRPM holds a database to what rpm says of it, and gives the packages.
func sameAsRPM(t *testing.T, backend, root, db string) []packages.Package {
	t.Helper()
	ask := func(args ...string) []string {
		return lines(run(t, "", "rpm", append([]string{"--dbpath", db, "--define", "_db_backend " + backend, "-qa"}, args...)...))
	}
	x, err := tree.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	d := open(x)
	all, err := d.Installed(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", backend, err)
	}
	var names, files []string
	for _, p := range all {
		names = append(names, fmt.Sprintf("%s %s %s %s %s", p.Name, p.Version, p.Arch, strings.Join(p.Licenses, ","), p.Source))
		list, err := d.Files(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			files = append(files, p.Name+" "+f)
			if owner, ok, err := d.Owner(t.Context(), f); err != nil || !ok || owner.Name != p.Name {
				t.Fatalf("%s: %s belongs to %v, %v", backend, f, owner, err)
			}
		}
	}
	slices.Sort(names)
	listed := ask("--qf", `%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH} %{LICENSE} %{SOURCERPM}\n`)
	for i, l := range listed { // the name of the source package, where it is another
		name, _, _ := strings.Cut(l, " ")
		rest, _ := strings.CutSuffix(l, "many-1.0-1.el9.src.rpm")
		if name != "many" {
			rest += "many"
		}
		listed[i] = rest
	}
	if !cmp.Equal(listed, names) {
		t.Errorf("%s: packages: %s", backend, cmp.Diff(listed, names))
	}
	slices.Sort(files)
	if want := ask("--qf", `[%{=NAME} %{FILENAMES}\n]`); !cmp.Equal(want, files) {
		t.Errorf("%s: files: %s", backend, cmp.Diff(want, files))
	}
	records, err := d.Records(t.Context(), all)
	if err != nil || len(records) != 1 {
		t.Fatalf("%s: %v %v", backend, records, err)
	}
	// The time of the build stands for that of the installation.
	want := ask("--qf", `%{NAME}\t%{VERSION}-%{RELEASE}\t%{BUILDTIME}\t%{BUILDTIME}\t%{VENDOR}\t%{EPOCH}\t%{SIZE}\t%{ARCH}\t%{EPOCHNUM}\t%{SOURCERPM}\n`)
	if got := lines(string(records[0].Data)); !cmp.Equal(want, got) {
		t.Errorf("%s: manifest: %s", backend, cmp.Diff(want, got))
	}
	return all
}

// TestLikeSQLite reads a database whose changes are in the write-ahead log, as
// SQLite leaves it to another program.
func TestLikeSQLite(t *testing.T) {
	dir := t.TempDir()
	db, copied := filepath.Join(dir, "rpmdb.sqlite"), filepath.Join(dir, "root/var/lib/rpm/rpmdb.sqlite")
	if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("PRAGMA page_size=1024; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;\n")
	script.WriteString("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL);\n")
	insert := func(i int) { fmt.Fprintf(&script, "INSERT INTO Packages(blob) VALUES (x'%x');\n", rocky[i].Header()) }
	insert(0)
	script.WriteString("PRAGMA wal_checkpoint;\n")
	for i := 1; i < 6; i++ {
		insert(i)
	}
	script.WriteString("DELETE FROM Packages WHERE hnum=2;\nBEGIN;\nDELETE FROM Packages;\n") // the last change is not finished
	fmt.Fprintf(&script, ".system cp %s %s; cp %s-wal %s-wal\n", db, copied, db, copied)
	script.WriteString("ROLLBACK;\n")
	run(t, script.String(), "sqlite3", db)
	x, err := tree.OpenDir(filepath.Join(dir, "root"))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	all, err := open(x).Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	if want := []string{"glibc", "httpd", "httpd-data", "mod_http2", "openssl-libs"}; !cmp.Equal(want, names) {
		t.Error(cmp.Diff(want, names))
	}
	// Without its log, the database has what was written back.
	if err := os.Remove(copied + "-wal"); err != nil {
		t.Fatal(err)
	}
	if all, err := open(x).Installed(t.Context()); err != nil || len(all) != 1 || all[0].Name != "glibc" {
		t.Errorf("without the log: %v %v", all, err)
	}
}

// TestHistory reads the reasons in dnf's history, the last of which counts.
func TestHistory(t *testing.T) {
	built := installed("ndb", rocky...)
	file := filepath.Join(t.TempDir(), "history.sqlite")
	run(t, `CREATE TABLE rpm (
        item_id INTEGER UNIQUE NOT NULL,   /* a comment, with a comma */
        name TEXT NOT NULL, epoch INTEGER NOT NULL, version TEXT NOT NULL, release TEXT NOT NULL, arch TEXT NOT NULL,
        FOREIGN KEY(item_id) REFERENCES item(id), CONSTRAINT rpm_unique UNIQUE (name, epoch));
    CREATE TABLE trans_item (id INTEGER PRIMARY KEY AUTOINCREMENT, trans_id INTEGER REFERENCES trans(id), item_id INTEGER REFERENCES item(id),
        repo_id INTEGER REFERENCES repo(id), action INTEGER NOT NULL,                                /* (enum) */
        reason INTEGER NOT NULL, state INTEGER NOT NULL);
    INSERT INTO rpm VALUES (1,'httpd',0,'2.4','1','x86_64'),(2,'httpd-data',0,'2.4','1','noarch'),(3,'mod_http2',0,'1','1','x86_64');
    INSERT INTO trans_item VALUES (1,1,1,1,1,2,1),(2,1,2,1,1,1,1),(3,1,3,1,1,4,1),(4,2,3,1,1,2,1);
`, "sqlite3", file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	built.File("/var/lib/dnf/history.sqlite", 0o644, data)
	got, err := open(built).Asked(t.Context(), open(installed("ndb", rocky[:3]...)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range got {
		names = append(names, p.Name)
	}
	if want := []string{"httpd", "mod_http2"}; !cmp.Equal(want, names) {
		t.Error(cmp.Diff(want, names))
	}
}

// FuzzSQLite begins with what SQLite wrote.
func FuzzSQLite(f *testing.F) {
	file := filepath.Join(f.TempDir(), "rpmdb.sqlite")
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		f.Fatalf("this test needs sqlite3, which make setup installs: %v", err)
	}
	var script strings.Builder
	script.WriteString("PRAGMA page_size=512; CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL);\n")
	for _, p := range rocky {
		fmt.Fprintf(&script, "INSERT INTO Packages(blob) VALUES (x'%x');\n", p.Header())
	}
	cmd := exec.CommandContext(f.Context(), program, file)
	cmd.Stdin = strings.NewReader(script.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		f.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	fuzz(f, "rpmdb.sqlite")
}

// TestSyft lets syft find the packages of a manifest, as what they are in the
// database that it was made of.
func TestSyft(t *testing.T) {
	if os.Getenv("WHITTLE_E2E") != "ci" {
		t.Skip("make ci runs this with syft")
	}
	program, err := filepath.Abs("../../../.tools/bin/syft")
	if err != nil {
		t.Fatal(err)
	}
	d := open(installed("ndb", rocky...))
	all, err := d.Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files, err := d.Records(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, f := range files {
		name := filepath.Join(root, f.Path)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SYFT_CHECK_FOR_APP_UPDATE", "false")
	var found struct {
		Artifacts []struct{ Name, Version, Type, PURL string }
	}
	if err := json.Unmarshal([]byte(run(t, "", program, "scan", "dir:"+root, "--base-path", root, "--override-default-catalogers", "image", "-q", "-o", "json")), &found); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, p := range all {
		// A manifest has no distribution beside it when Syft reads it.
		purl := strings.NewReplacer("pkg:rpm/redhat/", "pkg:rpm/", "&distro=rhel-9.2", "").Replace(p.PURL)
		want = append(want, strings.Join([]string{p.Name, p.Version, "rpm", purl}, " "))
	}
	for _, a := range found.Artifacts {
		got = append(got, strings.Join([]string{a.Name, a.Version, a.Type, a.PURL}, " "))
	}
	slices.Sort(got)
	if !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
}
