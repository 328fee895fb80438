package elf

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// hidden adds what no header names but is known to be opened by name at run
// time.
func (c *closure) hidden(root *object) error {
	for _, step := range []func(*object) error{c.dlopens, c.dotnetLibraries, c.nss, c.unwinder, c.openssl, c.iconv} {
		if err := step(root); err != nil {
			return err
		}
	}
	return nil
}

// dlopens adds the libraries that files say they open, but for those of
// features that are only suggested. The first of the names that is there is
// the one that is opened.
func (c *closure) dlopens(*object) error {
	for i := 0; i < len(c.order); i++ { // what is added may have notes too
		o := c.order[i]
		for _, d := range o.info.Dlopens {
			if d.Priority == "suggested" {
				continue
			}
			for _, lib := range d.Sonames {
				found, err := c.loadExtra(o, lib, "opened by "+o.path+" for "+d.Feature)
				if err != nil {
					return err
				}
				if found {
					break
				}
			}
		}
	}
	return nil
}

func (c *closure) imports(names ...string) string {
	for _, o := range c.order {
		if strings.HasPrefix(path.Base(o.real), "libc.") || strings.HasPrefix(path.Base(o.real), "libc-") || strings.HasPrefix(path.Base(o.real), "ld-") {
			continue
		}
		for _, n := range names {
			if _, ok := slices.BinarySearch(o.info.Imports, n); ok {
				return n
			}
		}
	}
	return ""
}

// nss adds the modules of the name service switch where glibc still loads
// them: since 2.34 files and dns are in libc itself.
func (c *closure) nss(root *object) error {
	libc, ok := c.loaded["libc.so.6"]
	if c.musl || !ok || glibcMinor(libc.info) >= 34 {
		return nil
	}
	uses := c.imports("getaddrinfo", "gethostbyname", "gethostbyname_r", "getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getgrnam", "getgrgid", "getservbyname")
	if uses == "" {
		return nil
	}
	for _, lib := range []string{"libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"} {
		if err := c.extra(path.Join(path.Dir(libc.path), lib), root.path, "name service of glibc before 2.34, for "+uses); err != nil {
			return err
		}
	}
	return c.extra("/etc/nsswitch.conf", root.path, "name service of glibc before 2.34, for "+uses)
}

// glibcMinor is the newest GLIBC_2.x that a libc provides.
func glibcMinor(i *Info) int {
	newest := 0
	for _, v := range i.Provides {
		if rest, ok := strings.CutPrefix(v, "GLIBC_2."); ok {
			rest, _, _ = strings.Cut(rest, ".")
			if n, err := strconv.Atoi(rest); err == nil {
				newest = max(newest, n)
			}
		}
	}
	return newest
}

// unwinder adds libgcc_s, which glibc opens to cancel a thread and to print a
// backtrace.
func (c *closure) unwinder(*object) error {
	libc, ok := c.loaded["libc.so.6"]
	if c.musl || !ok || c.loaded["libgcc_s.so.1"] != nil {
		return nil
	}
	uses := c.imports("pthread_cancel", "pthread_exit", "backtrace")
	if uses == "" {
		return nil
	}
	_, err := c.loadExtra(libc, "libgcc_s.so.1", "opened by glibc for "+uses)
	return err
}

// opensslFiles are what libcrypto reads: its configuration where distributions
// have it, and the provider of old algorithms.
var opensslFiles = []string{
	"/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf", "/etc/crypto-policies/back-ends/opensslcnf.config",
	"/usr/lib/ossl-modules/legacy.so", "/usr/lib64/ossl-modules/legacy.so",
}

// openssl adds the configuration that libcrypto reads, and the provider of old
// algorithms, which it opens by name.
func (c *closure) openssl(root *object) error {
	for _, lib := range []string{"libcrypto.so.3", "libcrypto.so.1.1"} {
		crypto, ok := c.loaded[lib]
		if !ok {
			continue
		}
		for _, name := range append(slices.Clone(opensslFiles), path.Join(path.Dir(crypto.path), "ossl-modules/legacy.so")) {
			if err := c.extra(name, root.path, "read by "+lib); err != nil {
				return err
			}
		}
	}
	return nil
}

// iconv adds glibc's character set converters for programs that convert.
func (c *closure) iconv(root *object) error {
	libc, ok := c.loaded["libc.so.6"]
	if c.musl || !ok || c.imports("iconv_open") == "" {
		return nil
	}
	dir := path.Join(path.Dir(libc.path), "gconv")
	for _, name := range []string{"gconv-modules", "gconv-modules.cache", "UTF-16.so", "UTF-32.so", "UTF-7.so", "ISO8859-1.so", "ISO8859-15.so", "CP1252.so"} {
		if err := c.extra(path.Join(dir, name), root.path, "converter for iconv_open"); err != nil {
			return err
		}
	}
	return nil
}
