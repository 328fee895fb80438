#!/bin/sh
set -e
export MIGRATED="$(node migrate.js)"
exec "$@"
