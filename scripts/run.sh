#!/bin/sh
# Starts Homepot on this machine; set-up happens on the first run and after an update.
set -eu
. "$(dirname "$0")/common.sh"

make_venv
install_requirements requirements.txt
# exec: Ctrl-C and SIGTERM go straight to the server.
exec "$VENV/bin/python" manage.py run_embedded "$@"
