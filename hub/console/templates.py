"""Drawing: one environment a language over the templates, with how that language writes values and names words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.console import assets, charts
from hub.console.cells import Cells
from hub.console.i18n import WRITERS, Language, translations
from hub.console.labels import tone
from hub.console.outside import outside
from hub.console.reasons import written


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a page is drawn for a visitor: their language and their light."""

    language: Language
    theme: str = "system"


@cache
def environment(language: Language) -> Environment:
    """The templates in one language; everything that is put in is escaped."""
    made = Environment(
        loader=PackageLoader("hub.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    said = translations(language)
    made.install_gettext_callables(said.gettext, said.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.tests["word"] = lambda value: isinstance(value, StrEnum)
    cells = Cells(language)
    made.globals |= {
        "asset": assets.href,
        "cells": cells,
        "charts": charts,
        "language": language,
        "Language": Language,
    }
    made.filters |= {name: partial(_written, write, language) for name, write in WRITERS.items()}
    made.filters |= {
        "label": cells.label,
        "tone": tone,
        "say": said.gettext,
        "outside": outside,
        "written": partial(written, language),
    }
    return made


def _written(write: Any, language: Language, value: object) -> str:
    written: str = write(value, language)
    return written


def render(manner: Manner, template: str, **context: Any) -> str:
    """A template in a visitor's manner."""
    return environment(manner.language).get_template(template).render(manner=manner, **context)
