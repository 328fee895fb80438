#!/bin/sh
# Makes a package of the program, with configuration, data and a directory for
# its state.
set -eu
mkdir -p pkg/DEBIAN pkg/usr/sbin pkg/etc/served pkg/usr/share/served pkg/usr/share/doc/served pkg/var/lib/served
gcc -o pkg/usr/sbin/served served.c
echo configured >pkg/etc/served/served.conf
echo "page of the package" >pkg/usr/share/served/page
echo licence >pkg/usr/share/doc/served/copyright
find pkg -exec touch -d 2020-01-01 {} +
echo /etc/served/served.conf >pkg/DEBIAN/conffiles
(cd pkg && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
cat >pkg/DEBIAN/control <<EOF
Package: served
Version: 1
Architecture: amd64
Maintainer: Somebody <a@example.test>
Description: a server
EOF
dpkg-deb --build pkg /served.deb
