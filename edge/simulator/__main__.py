"""``python -m edge.simulator`` runs a simulated fleet."""

import sys

from edge.simulator.cli import main

sys.exit(main())
