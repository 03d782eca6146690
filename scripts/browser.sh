#!/bin/sh
# Makes sure that a Chromium is there for the browser tests: installs Debian's if
# it may, and otherwise says loudly what will be skipped and how to get it.
set -u
find_chromium() {
    for name in ${CONSENTGATE_CHROMIUM:-} chromium chromium-browser google-chrome; do
        command -v "$name" && return 0
    done
    return 1
}

find_chromium >/dev/null && exit 0

if command -v apt-get >/dev/null; then
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo="sudo -n"
        $sudo true 2>/dev/null || sudo=no
    fi
    if [ "$sudo" != no ]; then
        echo "Installing chromium for the browser tests ..."
        export DEBIAN_FRONTEND=noninteractive
        $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null
        find_chromium >/dev/null && exit 0
    fi
fi

echo "*** No Chromium here, and none could be installed: THE BROWSER TESTS WILL BE SKIPPED. ***"
echo "*** Get one with: sudo apt-get install chromium   (or set CONSENTGATE_CHROMIUM=/path) ***"
# Where everything is required the tests themselves fail for want of it.
exit 0
