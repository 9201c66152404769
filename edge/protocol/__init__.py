"""The device protocol: pure, standard library only, shared by the server and every device.

One module per concern: ``strict_json`` (the only decoder), ``limits``, ``messages`` (what may be
said), ``codec`` (frames to messages and back), ``topics`` (MQTT names), ``close_codes``,
and what every device owes its server: ``duties`` (pure decisions) and ``backoff``.
``docs/protocol/`` states the same in prose, JSON Schema and vectors that the tests execute.
"""
