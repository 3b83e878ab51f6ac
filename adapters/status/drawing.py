"""HTML that escapes by itself."""

from collections.abc import Mapping
from typing import Final

import jinja2

_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("adapters.status"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def drawn(template: str, told: Mapping[str, object]) -> str:
    """The template of this name, with what it is to show."""
    return _TEMPLATES.get_template(template).render(told)
