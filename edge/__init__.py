"""What runs on the device side of Homepot: the protocol, the agent and the simulator.

Nothing below this package imports Django, so a device installs it alone.
"""
