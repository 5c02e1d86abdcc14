"""What can be asked, as OpenAPI describes it.

Source: OpenAPI Specification 3.1.0.
"""

from typing import Any

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "minicnn", "version": "1"},
    "paths": {},
}
