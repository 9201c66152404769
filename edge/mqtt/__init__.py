"""MQTT 3.1.1 and 5, as far as devices and their server need them: ``packets`` is pure, ``client``
speaks it over asyncio. QoS 2 and enhanced authentication are not spoken."""
