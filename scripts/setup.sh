#!/bin/sh
# Makes the virtual environment and installs what is pinned: `setup.sh [runtime|dev]`.
set -eu
. "$(dirname "$0")/common.sh"

make_venv
case ${1:-dev} in
    runtime) install_requirements requirements.txt ;;
    dev) install_requirements requirements-dev.txt ;;
    *) fail "usage: scripts/setup.sh [runtime|dev]" ;;
esac
