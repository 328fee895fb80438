#!/bin/sh
set -e
. /etc/app/defaults
if [ "$1" = "serve" ]; then
	shift
	set -- /usr/local/bin/show "$GREETING" "$@"
fi
mkdir -p "${STATE_DIR:-/var/lib/app}/run"
exec "$@"
