"""Every bound of the protocol, in one place, so that both ends refuse the same things."""

from typing import Final

MAX_FRAME_BYTES: Final = 65_536
MAX_DEPTH: Final = 16
# A desired or reported state, or a configuration, as compact JSON; the frame around one may be
# larger than others by its envelope.
MAX_DOCUMENT_BYTES: Final = 65_536
MAX_DOCUMENT_DEPTH: Final = 10
MAX_DOCUMENT_FRAME_BYTES: Final = 67_584
MAX_DOCUMENT_KEY_CHARS: Final = 128
# What a command brings back, as compact JSON.
MAX_RESULT_BYTES: Final = 16_384
MAX_PROGRESS_CHARS: Final = 200

MIN_IR_TIMINGS: Final = 2
MAX_IR_TIMINGS: Final = 2_048
MAX_IR_TIMING_US: Final = 2_000_000
MIN_IR_FREQUENCY_HZ: Final = 10_000
MAX_IR_FREQUENCY_HZ: Final = 1_000_000

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

MAX_RELAY_INDEX: Final = 255
MAX_RELAYS: Final = MAX_RELAY_INDEX + 1
MAX_INPUT_INDEX: Final = 255

MAX_READINGS: Final = 1_000
MAX_METRICS: Final = 64
# Readings over HTTP: the body as it travels, and what it may inflate to.
MAX_HTTP_BODY_BYTES: Final = 262_144
MAX_HTTP_INFLATED_BYTES: Final = 1_048_576

MAX_SENSOR_READINGS: Final = 128
MAX_SENSOR_TEXT_CHARS: Final = 200
MAX_SENSOR_OBJECT_BYTES: Final = 1_024
MAX_UNIT_CHARS: Final = 16
MAX_ATTRIBUTES: Final = 64
MAX_ATTRIBUTE_CHARS: Final = 200
# A name that is refused is repeated up to here.
MAX_NAME_TOLD: Final = 64

MAX_TOKEN_CHARS: Final = 256
MAX_ERROR_CHARS: Final = 512
MAX_FIRMWARE_VERSION_CHARS: Final = 64

# A clock without a battery starts in 1970; anything outside these years is noise that some
# database or time-zone conversion further on could not hold.
MIN_YEAR: Final = 1970
MAX_YEAR: Final = 2999

MIN_HEARTBEAT_SECONDS: Final = 1
MAX_HEARTBEAT_SECONDS: Final = 3_600
MAX_RETRY_AFTER_SECONDS: Final = 86_400

# A device remembers this many finished commands and acknowledges a repeat without running it.
COMMAND_RING_SIZE: Final = 64
RECONNECT_MIN_SECONDS: Final = 1.0
RECONNECT_MAX_SECONDS: Final = 120.0
STABLE_AFTER_SECONDS: Final = 60.0
