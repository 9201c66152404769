"""The image's health check: exit code 0 while this container's server answers `/health`."""

import http.client
import os
import sys


def main() -> int:
    """Ask the way a client would: with a host name that the server accepts."""
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip("*.")
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=2
    )
    try:
        connection.request("GET", "/health", headers={"Host": host or "localhost"})
        return 0 if connection.getresponse().status == http.HTTPStatus.OK else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
