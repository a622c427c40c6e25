"""From a sheet to a PDF: sets our own templates with embedded type, the same bytes for the same sheet.

The sheet reaches a template as one JSON text and is never part of its code. Fonts come with our wheels, those of the
machine are ignored, so that a contract looks the same wherever it is set. Setting takes up to a quarter of a second of
the processor, so it is done in a thread.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from noto_cjk_sans_otc import FONT_PATH

from hub.leasing.signatures.document import Sheet
from hub.leasing.signatures.rules import DocumentKind, Language

if TYPE_CHECKING:
    import typst

_TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = {Language.CHINESE: "zh", Language.ENGLISH: "en"}
# PDF/A-2u (ISO 19005-2): fonts embedded, every glyph maps to text, readable in thirty years.
_STANDARD: Literal["a-2u"] = "a-2u"


@cache
def _fonts() -> typst.Fonts:
    """The type that we bring along; read once a process, it is 19 MB."""
    import typst  # here and not above: seven megabytes that only those need who set a paper

    return typst.Fonts(include_system_fonts=False, font_paths=[str(Path(str(FONT_PATH)).parent)])


async def typeset(kind: DocumentKind, language: Language, sheet: Sheet, *, dated_on: date) -> bytes:
    """A paper as PDF; `dated_on` is the day that the file itself says it was made."""
    return await asyncio.to_thread(set_pdf, kind, language, sheet, dated_on)


def set_pdf(kind: DocumentKind, language: Language, sheet: Sheet, dated_on: date) -> bytes:
    """The same, in the thread of the caller."""
    import typst

    compiler = typst.Compiler(
        _TEMPLATES / f"{kind.value}.{_SUFFIX[language]}.typ",
        root=_TEMPLATES,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"sheet": json.dumps(sheet, ensure_ascii=False, sort_keys=True)},
    )
    made_at = datetime(dated_on.year, dated_on.month, dated_on.day, tzinfo=UTC)
    pdf = compiler.compile(format="pdf", pdf_standards=[_STANDARD], timestamp=made_at)
    assert isinstance(pdf, bytes), "one PDF comes back as bytes"
    return pdf
