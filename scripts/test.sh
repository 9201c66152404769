#!/bin/sh
# Runs the whole suite on the embedded backend, then its core on PostgreSQL and Redis.
# Arguments go to pytest: `make test ARGS="-k relays -x"`.
set -eu
. "$(dirname "$0")/common.sh"

sh scripts/setup.sh dev
sh scripts/services.sh

status=0
run_suite() {
    backend=$1
    shift
    say ""
    say "== Tests on the $backend backend =="
    code=0
    HOMEPOT_TEST_BACKEND=$backend "$VENV/bin/python" -m pytest "$@" </dev/null || code=$?
    # 5: a narrowed selection may hold no test for this backend.
    if [ "$code" = 5 ] && [ "$narrowed" = 1 ]; then code=0; fi
    [ "$code" = 0 ] || status=$code
}

narrowed=0
[ $# = 0 ] || narrowed=1
# More than there are cores: the longest tests wait for leases, timeouts and other processes.
workers=${HOMEPOT_TEST_WORKERS:-3}
run_suite embedded -n "$workers" --dist worksteal "$@"
if "$VENV/bin/python" -m tests.services --check postgres redis; then
    run_suite production -n "$workers" --dist worksteal -m core "$@"
elif [ "${HOMEPOT_REQUIRE_SERVICES:-0}" = 1 ]; then
    fail "The production backend was not tested and HOMEPOT_REQUIRE_SERVICES=1 demands it."
else
    say "The production backend was not tested (see above)."
fi
exit "$status"
