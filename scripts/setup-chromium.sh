#!/bin/sh
# Chromium opens the pages of reports in the tests: setup-chromium.sh VENV
# Where there is no Debian package of it, Playwright brings its own.
set -eu
"$(dirname "$0")/setup-tool.sh" chromium chromium NETLOOM_CHROMIUM && exit 0
[ -z "${NETLOOM_CHROMIUM:-}" ] || exit 1
echo "Trying the Chromium of Playwright instead." >&2
exec "$1/bin/python" -m playwright install --with-deps chromium
