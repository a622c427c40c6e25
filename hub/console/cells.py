"""One value of a page as HTML: an amount, a day, a state with its tone. Everything that is put in is escaped.

A list draws hundreds of them, so this is Python and no macro, and what does not change is looked up once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from markupsafe import Markup, escape

from hub.console.i18n import NOTHING, WRITERS, Language, translations
from hub.console.labels import label, tone
from hub.console.reasons import written

_NOTHING = Markup('<span class="nothing">%s</span>') % NOTHING
_NAME = Markup('<span translate="no">%s</span>')
_CODE = Markup('<span class="code">%s</span>')
_AMOUNT = Markup('<span class="amount">%s</span>')
_TIME = Markup('<time datetime="%s">%s</time>')
_BADGE = Markup('<span class="badge %s">%s</span>')
_LINK = Markup('<a href="%s">%s</a>')


class Cells:
    """The cells of one language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._say = translations(language).gettext
        self._badges: dict[tuple[type, str], Markup] = {}
        self._words: dict[tuple[type, str], str] = {}
        self._drawn: Mapping[str, Callable[[Any], Markup]] = {
            "money": partial(self._amount, "money"),
            "number": partial(self._amount, "number"),
            "percent": partial(self._amount, "percent"),
            "day": partial(self._time, "day"),
            "instant": partial(self._time, "instant"),
            "state": self.badge,
            "word": lambda it: escape(self.label(it)),
            "words": lambda it: escape(", ".join(self.label(word) for word in sorted(it))) or _NOTHING,
            "written": lambda it: escape(written(language, it)),
            "long": lambda it: _NAME % (it,),
            "name": lambda it: _NAME % (it,),
            "code": lambda it: _CODE % (it,),
        }

    def value(self, it: Any, look: str) -> Markup:
        """A value drawn in the manner of a column or a fact."""
        if it is None or it == "":
            return _NOTHING
        draw = self._drawn.get(look)
        if draw is not None:
            return draw(it)
        return escape(self._say(it) if isinstance(it, str) else it)

    def linked(self, it: Any, look: str, href: str | None) -> Markup:
        """The same, leading somewhere."""
        drawn = self.value(it, look)
        return _LINK % (href, drawn) if href else drawn

    def badge(self, word: StrEnum | str) -> Markup:
        """A state with its tone."""
        if not isinstance(word, StrEnum):  # of which there may be any number
            return self._badge(word)
        key = (type(word), word.value)
        if key not in self._badges:
            self._badges[key] = self._badge(word)
        return self._badges[key]

    def label(self, word: StrEnum | str) -> str:
        """What a word is called."""
        if not isinstance(word, StrEnum):
            return self._say(label(word))
        key = (type(word), word.value)
        if key not in self._words:
            self._words[key] = self._say(label(word))
        return self._words[key]

    def _badge(self, word: StrEnum | str) -> Markup:
        return _BADGE % (tone(word), self.label(word))

    def _amount(self, look: str, it: Any) -> Markup:
        return _AMOUNT % WRITERS[look](it, self._language)

    def _time(self, look: str, it: Any) -> Markup:
        return _TIME % (it.isoformat(), WRITERS[look](it, self._language))
