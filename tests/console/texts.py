"""Every text that the console can say: from its templates, its Python, and the words of the rooms.

`python -m tests.console.texts` prints what a language lacks, ready to be put into a catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from babel.support import Translations

import hub.console
from hub.console.i18n import Language, catalogues, translations
from hub.console.labels import WORDS, label

_ROOT = Path(hub.console.__file__).parent
_KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true"}}


def texts() -> dict[str, str]:
    """Every text with where it is said."""
    said = {word: place for place, word in _extracted()}
    for words in WORDS:
        said |= {label(word): words.__name__ for word in words}
    return said


def _extracted() -> Iterator[tuple[str, str]]:
    for file, line, message, _, _ in extract_from_dir(_ROOT, _METHODS, _OPTIONS, keywords=_KEYWORDS, comment_tags=()):
        text = message if isinstance(message, str) else message[0]  # of a plural its singular
        if text:
            yield f"{file}:{line}", text


def missing(language: Language) -> dict[str, str]:
    """What a language does not say."""
    known = translations(language)
    return {text: place for text, place in texts().items() if text not in _SAME and not _is_said(known, text)}


def _is_said(known: Translations, text: str) -> bool:
    return known.gettext(text) != text or known.ngettext(text, text, 1) != text


# What is written the same in both languages.
_SAME = frozenset({"VIN", "hub.toml", "LeaseHub", "OK", "ID", "CSV", "PDF"})


def unused(language: Language) -> dict[str, Path]:
    """What a catalogue says that nobody asks for."""
    said, found = texts(), {}
    for path in catalogues(language):
        with path.open("rb") as file:
            for message in read_po(file):
                ids = message.id if isinstance(message.id, tuple) else (message.id,)
                if message.id and not any(one in said for one in ids):
                    found[ids[0]] = path
    return found


if __name__ == "__main__":
    for text, place in missing(Language.ZH).items():
        quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        print(f'#: {place}\nmsgid "{quoted}"\nmsgstr ""\n')
