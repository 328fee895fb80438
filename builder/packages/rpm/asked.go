package rpm

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Where the programs that install packages say which ones nobody asked for:
// dnf 5, dnf 4 and microdnf, and zypper.
const (
	dnf5State   = "/usr/lib/sysimage/libdnf5/packages.toml"
	dnfHistory  = "/var/lib/dnf/history.sqlite"
	zypperState = "/var/lib/zypp/AutoInstalled"
)

// Asked implements packages.Format.
func (Format) Asked(ctx context.Context, t tree.Tree) (func(packages.Package) bool, error) {
	automatic := map[string]bool{}
	told := false
	for _, source := range []struct {
		name string
		read func(ctx context.Context, t tree.Tree, data []byte, automatic map[string]bool) error
	}{{dnf5State, readDNF5}, {dnfHistory, readHistory}, {zypperState, readZypper}} {
		data, err := content(ctx, t, source.name)
		if err != nil {
			return nil, err
		}
		if len(data) == 0 {
			continue
		}
		told = true
		if err := source.read(ctx, t, data, automatic); err != nil {
			return nil, &packages.UnreadableError{Path: source.name, Err: err}
		}
	}
	if !told {
		return nil, nil
	}
	return func(p packages.Package) bool { return !automatic[p.Name] }, nil
}

// dnf5Reason matches a package and its reason in dnf's state
// (libdnf5, libdnf5/system/state.cpp): in one line, or below a heading.
var dnf5Reason = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:\[packages\.)?"?([^"\s=\[\]]+)\.[A-Za-z0-9_]+"?\]?\s*(?:=\s*\{)?\s*reason\s*=\s*"([^"]*)"`)
})

func readDNF5(_ context.Context, _ tree.Tree, data []byte, automatic map[string]bool) error {
	for _, m := range dnf5Reason().FindAllSubmatch(data, -1) {
		switch string(m[2]) {
		case "Dependency", "Weak Dependency", "Clean":
			automatic[string(m[1])] = true
		}
	}
	return nil
}

// Reasons of dnf's history (libdnf, libdnf/transaction/Types.hpp): a dependency,
// one that nothing needs any more, and one that is only recommended.
const (
	reasonDependency = 1
	reasonClean      = 3
	reasonWeak       = 4
)

// readHistory reads dnf's history, in which the last word on a package counts.
func readHistory(ctx context.Context, t tree.Tree, data []byte, automatic map[string]bool) error {
	log, err := content(ctx, t, dnfHistory+"-wal")
	if err != nil {
		return err
	}
	db, err := openSQLite(data, log)
	if err != nil {
		return err
	}
	names := map[int64]string{}
	if _, err := db.rows("rpm", []string{"item_id", "name"}, func(row []cell) error {
		names[row[0].number] = string(row[1].bytes)
		return nil
	}); err != nil {
		return fmt.Errorf("reading its packages: %w", err)
	}
	_, err = db.rows("trans_item", []string{"item_id", "reason"}, func(row []cell) error {
		if name := names[row[0].number]; name != "" {
			switch row[1].number {
			case reasonDependency, reasonClean, reasonWeak:
				automatic[name] = true
			default:
				delete(automatic, name)
			}
		}
		return nil
	})
	return err
}

// readZypper reads a list of names, with comments.
func readZypper(_ context.Context, _ tree.Tree, data []byte, automatic map[string]bool) error {
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		if name := strings.TrimSpace(line); name != "" {
			automatic[name] = true
		}
	}
	return nil
}
