#!/bin/sh
# Makes sure there is a Chromium for the browser tests. Installs Debian's if there is none, which needs root or sudo.
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

command -v apt-get >/dev/null || fail "There is no Chromium on the PATH, and no apt-get to install one.
Install Chromium or Google Chrome as your system does it, so that 'chromium' or 'google-chrome' is a command."

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    fail "There is no Chromium on the PATH. Installing it needs root: apt-get install chromium"
fi

echo "Installing Chromium with apt-get."
$as_root apt-get update -qq || fail "apt-get could not read the lists of packages; its message is above."
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core fonts-noto-color-emoji >/dev/null ||
    fail "apt-get could not install Chromium; its message is above. By hand: apt-get install chromium"
