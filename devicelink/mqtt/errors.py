"""What can go wrong with a device's account at the MQTT broker."""

from kernel import errors


class MqttNotConfigured(errors.Conflict):
    """The installation has no MQTT broker, or no account to manage its accounts with."""

    code = "mqtt_not_configured"
    default_message = "This installation has no MQTT broker. Use the WebSocket or HTTP."
