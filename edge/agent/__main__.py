"""``python -m edge.agent`` is ``homepot-agent``."""

import sys

from edge.agent.cli import main

sys.exit(main())
