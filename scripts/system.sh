#!/bin/sh
# Makes sure that the programs are there that some tests run and pip cannot bring,
# a Chromium, an nginx, curl and npm: installs Debian's if it may, and otherwise says loudly
# what will be skipped and how to get it.
set -u
PATH=$PATH:/usr/sbin:/sbin # where Debian has nginx, and what installs it

find_chromium() {
    for name in ${CONSENTGATE_CHROMIUM:-} chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null && return 0
    done
    return 1
}

find_nginx() {
    command -v nginx >/dev/null
}

find_curl() {
    command -v curl >/dev/null
}

find_npm() {
    command -v npm >/dev/null
}

missing() {
    find_chromium || echo chromium
    find_nginx || echo nginx-light
    find_curl || echo curl
    find_npm || echo npm
}

# The tests run an nginx of their own: the package's service is not to start beside
# it, nor at the next boot. /usr/sbin/policy-rc.d is how Debian asks whether it may.
get() {
    policy=/usr/sbin/policy-rc.d
    if find_nginx || [ -e $policy ]; then
        policy=
    else
        trap '$sudo rm -f $policy' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
        $sudo chmod 755 $policy
    fi
    $sudo apt-get update -qq
    for package in "$@"; do # each for itself: one may be had where another may not
        echo "Installing $package for the tests ..."
        $sudo env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$package" >/dev/null
        [ "$package" = nginx-light ] && $sudo update-rc.d nginx disable >/dev/null 2>&1
    done
}

[ -z "$(missing)" ] && exit 0

if command -v apt-get >/dev/null; then
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo="sudo -n"
        $sudo true 2>/dev/null || sudo=no
    fi
    # shellcheck disable=SC2046 # each word is a package
    [ "$sudo" = no ] || get $(missing)
fi

find_chromium || {
    echo "*** No Chromium here, and none could be installed: THE BROWSER TESTS WILL BE SKIPPED. ***"
    echo "*** Get one with: sudo apt-get install chromium   (or set CONSENTGATE_CHROMIUM=/path) ***"
}
find_nginx || {
    echo "*** No nginx here, and none could be installed: THE SHARED CACHE TESTS WILL BE SKIPPED. ***"
    echo "*** Get one with: sudo apt-get install nginx-light   (or put one on the PATH) ***"
}
find_curl || {
    echo "*** No curl here, and none could be installed: THE DOCUMENTATION'S SESSIONS WILL BE SKIPPED. ***"
    echo "*** Get one with: sudo apt-get install curl ***"
}
find_npm || {
    echo "*** No npm here, and none could be installed: THE TESTS WITH OTHER TOOLS' BANNERS WILL BE SKIPPED. ***"
    echo "*** Get one with: sudo apt-get install npm ***"
}
# Where everything is required the tests themselves fail for want of it.
exit 0
