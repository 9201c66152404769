"""Simulated fleets over the real wire: seeded chaos, and the truth to hold the server against.

``device`` is the pure core (inputs in, effects out, nothing read from outside); ``driver`` joins
one core to a real socket; ``fleet`` runs many. ``truth`` and ``event_log`` tell what happened.
"""

VERSION = "0.1.0"
