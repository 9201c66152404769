#!/bin/sh
# Brings the programs the tests start privately: PostgreSQL, Redis, Mosquitto and Chromium.
# As root on Debian or Ubuntu it installs what is missing, otherwise it says what will be skipped.
# SYSTEM_ROOT lets a test point it at a folder instead of the machine.
set -eu
. "$(dirname "$0")/common.sh"

has() { PATH="$PATH:${SYSTEM_ROOT:-}/usr/sbin" command -v "$1" >/dev/null 2>&1; }
has_postgres() { has initdb || ls "${SYSTEM_ROOT:-}"/usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
has_chromium() { has chromium || has chromium-browser || has google-chrome; }

missing=
has_postgres || missing="$missing postgresql"
has redis-server || missing="$missing redis-server"
has mosquitto || missing="$missing mosquitto"
has_chromium || missing="$missing chromium"
missing=${missing# }
[ -n "$missing" ] || exit 0

if ! may_install_packages; then
    say "Not installed here: $missing. Tests that need them are skipped."
    say "To run them too: sudo apt-get install $missing   (Debian; elsewhere the same programs)"
    exit 0
fi

# The tests start their own private servers, so nothing installed here may start by itself.
policy=${SYSTEM_ROOT:-}/usr/sbin/policy-rc.d
cluster=${SYSTEM_ROOT:-}/etc/postgresql-common/createcluster.conf
made_policy=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=1
fi
tidy() { [ -z "$made_policy" ] || rm -f "$policy"; }
trap tidy EXIT
trap 'exit 130' INT TERM
case " $missing " in
    *" postgresql "*)
        if [ ! -e "$cluster" ]; then
            mkdir -p "$(dirname "$cluster")"
            printf 'create_main_cluster = false\n' >"$cluster"
        fi ;;
esac

say "Installing $missing …"
# shellcheck disable=SC2086  # one word per package
if ! apt_install $missing; then
    say "Some of these could not be installed: $missing. Tests that need them are skipped."
    exit 0
fi
if has systemctl; then
    for unit in $missing; do
        systemctl disable "$unit" >/dev/null 2>&1 || true
    done
fi
