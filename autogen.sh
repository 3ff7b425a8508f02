#!/bin/sh
# Makes configure and what it needs, in a clone. Tarballs come with them.
set -eu
cd "$(dirname "$0")"
autoreconf --install --force "$@"
