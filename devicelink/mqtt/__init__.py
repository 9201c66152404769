"""Devices over MQTT."""
