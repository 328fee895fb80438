//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// fastCGI is a shell command that asks a FastCGI server for a script and prints
// what it answers (the FastCGI specification 1.0: BEGIN_REQUEST, PARAMS, STDIN).
func fastCGI(port int, script string) string {
	var msg []byte
	record := func(kind byte, content []byte) {
		msg = append(append(msg, 1, kind, 0, 1, byte(len(content)>>8), byte(len(content)), 0, 0), content...)
	}
	var params []byte
	for _, p := range [][2]string{{"SCRIPT_FILENAME", script}, {"REQUEST_METHOD", "GET"}, {"QUERY_STRING", ""}} {
		params = append(params, byte(len(p[0])), byte(len(p[1])))
		params = append(append(params, p[0]...), p[1]...)
	}
	record(1, []byte{0, 1, 0, 0, 0, 0, 0, 0})
	record(4, params)
	record(4, nil)
	record(5, nil)
	var octal strings.Builder
	for _, b := range msg {
		fmt.Fprintf(&octal, `\%03o`, b)
	}
	return fmt.Sprintf(`timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/%d && printf '%s' >&3 && cat <&3 | tr -d '\000'"`, port, octal.String())
}

// phpGone is what no image of PHP needs that runs no command line.
var phpGone = []string{"/bin/sh", "/usr/bin/env", "/usr/bin/perl", "/usr/lib/php/sessionclean", "/usr/bin/phar8.2", "/var/lib/php/modules/8.2"}

var phpApps = []interpretedApp{
	{
		name: "php-cli", want: `ÄRGER ZWEI DREI\n\[1,2\]\njq-1\.6\n01:00 CET`, argv: []string{"php", "report.php", "--lines", "3"},
		gone: phpGone[1:], warns: []string{"/app/report.php runs commands by a shell, first in line 15"}, heavy: true,
	},
	{
		name: "php-server", probe: "curl -sf -m 10 http://127.0.0.1:8080/ http://127.0.0.1:8080/style.css", want: `home, 1\.234,50.€, curl ok, seen 1, prepended no\nbody \{ margin: 0 \}`,
		argv: []string{"tini", "--", "php", "-S", "0.0.0.0:8080", "-t", "public", "public/index.php"}, gone: phpGone, heavy: true,
	},
	{
		name: "php-apache", probe: "curl -sf -m 10 -D - http://127.0.0.1:8080/shop/1", want: `(?s)X-Site: shop.*apache2handler KÄSE 42 /shop/1`,
		argv: []string{"apache2ctl", "-D", "FOREGROUND"}, gone: []string{"/usr/bin/cpan", "/usr/lib/php/sessionclean"}, warns: []string{"/usr/sbin/apache2ctl runs chown, which needs root"}, root: true, heavy: true,
	},
	{name: "php-fpm", probe: fastCGI(9000, "/var/www/app/index.php"), want: `fpm-fcgi KÄSE /var/lib/php/sessions`, argv: []string{"php-fpm8.2", "-F"}, gone: phpGone, ci: true},
}

// TestPHP builds applications of PHP as [TestNode] does those of Node.js.
func TestPHP(t *testing.T) {
	for _, a := range phpApps {
		t.Run(a.name, func(t *testing.T) {
			a.due(t)
			a.test(t)
		})
	}
}
