"""The API's documentation page needs one thing the other pages may not have."""

from __future__ import annotations

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update


def with_swagger_styles(view: Any) -> Any:
    """Let Swagger UI's own inline styles through; scripts stay external."""
    return csp_update({"style-src": [SELF, UNSAFE_INLINE]})(view)
