#!/bin/sh
# The browser of the tests: there already, named in CHROMIUM, or installed where we may.
set -eu

for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ -n "${CHROMIUM:-}" ]; then
    echo "CHROMIUM names $CHROMIUM, which is no program." >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing chromium for the browser tests"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium && exit 0
fi
echo "The tests need a browser. Install one with \`apt-get install chromium\` as root, or name one in CHROMIUM." >&2
exit 1
