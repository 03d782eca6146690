#!/bin/sh
# Makes sure that the programs are there that some tests run and pip cannot bring,
# a Chromium, an nginx, a PostgreSQL, curl and npm: installs Debian's if it may, and
# otherwise says loudly what will be skipped and how to get it.
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

# Not on the PATH in Debian: several versions may stand side by side.
find_postgres() {
    [ -n "${CONSENTGATE_TEST_POSTGRES:-}" ] && return 0
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] && return 0
    done
    command -v initdb >/dev/null
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
    find_postgres || echo postgresql
    find_curl || echo curl
    find_npm || echo npm
}

# The tests run an nginx and a PostgreSQL of their own: the packages' services are not to
# start beside them, nor at the next boot. /usr/sbin/policy-rc.d is how Debian asks whether
# they may.
get() {
    policy=/usr/sbin/policy-rc.d
    if [ -e $policy ]; then
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
        case $package in
        nginx-light) $sudo update-rc.d nginx disable >/dev/null 2>&1 ;;
        postgresql) $sudo update-rc.d postgresql disable >/dev/null 2>&1 ;;
        esac
    done
}

if [ -n "$(missing)" ] && command -v apt-get >/dev/null; then
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
find_postgres || {
    echo "*** No PostgreSQL here, and none could be installed: THE TESTS OF LEDGERS ON IT WILL BE SKIPPED. ***"
    echo "*** Get one with: sudo apt-get install postgresql   (or set CONSENTGATE_TEST_POSTGRES=URL) ***"
}
# A disk to fill is mounted where only the test sees it: as root, or in a namespace.
unshare -m true 2>/dev/null || unshare -rm true 2>/dev/null || {
    echo "*** unshare(1) may make no namespace here: THE TESTS OF FULL DISKS WILL BE SKIPPED. ***"
    echo "*** Run the tests as root, or allow everybody user namespaces. ***"
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
