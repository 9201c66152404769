# Shared by the scripts in this folder: where the project is, what Python to use, how to install.
# shellcheck shell=sh

cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "$*"; }

fail() {
    printf 'homepot: %s\n' "$*" >&2
    exit 1
}

may_install_packages() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Prints the first Python that is new enough; PYTHON=… decides when set.
find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if new_enough "$candidate"; then
            say "$candidate"
            return
        fi
    done
    return 1
}

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null
    apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

make_venv() {
    if new_enough "$VENV/bin/python" && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    python=$(find_python) || fail "Python 3.11 or newer is needed, and $("${PYTHON:-python3}" --version 2>&1 || true) was found. Install one, or name it: make run PYTHON=/path/to/python3.12"
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        may_install_packages || fail "Python's venv module is missing; install it with: sudo apt-get install $package"
        say "Installing $package …"
        apt_install "$package" || fail "$package could not be installed; install it and try again."
    fi
    say "Making $VENV with $("$python" --version) …"
    "$python" -m venv --clear "$VENV"
}

# A stamp names the exact requirements a venv was filled from, so an unchanged file costs nothing.
stamp_of() {
    "$VENV/bin/python" - "$1" <<'PY'
import hashlib, pathlib, sys
print(hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest())
PY
}

install_requirements() {
    requirements=$1
    wanted=$(stamp_of "$requirements")
    stamp="$VENV/.$(basename "$requirements").sha256"
    if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
        return
    fi
    say "Installing $requirements …"
    "$VENV/bin/python" -m pip install --quiet --require-hashes --requirement "$requirements" </dev/null \
        || fail "The packages of $requirements could not be installed (see above). Is the package index reachable?"
    say "$wanted" >"$stamp"
    # The development set contains the runtime set, pin for pin (a test compares them).
    if [ "$requirements" = requirements-dev.txt ]; then
        stamp_of requirements.txt >"$VENV/.requirements.txt.sha256"
    fi
}
