#!/usr/bin/env python
"""Django's command line for Homepot."""

import os
import sys

from django.core.management import execute_from_command_line

from homepot.settings.environment import settings_module

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        # Ctrl-C before a command has taken over the signal: no reason for a traceback.
        sys.exit(130)
