"""homepot-agent: makes the machine it runs on a device of a Homepot installation."""

VERSION = "0.1.0"
