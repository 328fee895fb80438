#!/bin/sh
set -e
export MODE="${MODE:-production}"
exec "$@"
