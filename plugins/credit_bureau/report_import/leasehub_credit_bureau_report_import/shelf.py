"""The shelf: a folder of files under their SHA-256, and of entries that say whose they are, each under a seal.

    <folder>/files/<sha256>              the report as it came
    <folder>/entries/<name>.<number>.json   what was keyed; the highest number counts, and none is ever changed

An entry's name is an HMAC over bureau, document and consent: whoever has the folder and not the key can neither tell
whom it is about nor make one up.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from hub.core.errors import Misconfigured, NotSent, Rejected, UnknownOutcome
from hub.core.identity import DocumentKind
from hub.sdk.reading import Fields, JsonObject, json_bytes, json_object
from hub.sdk.signing import sign
from leasehub_credit_bureau_report_import.figures import Figures, figures_of

MAX_FILE_BYTES = 32 * 1024 * 1024
_MAX_ENTRY_BYTES = 64 * 1024
_VERSION = 1
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a report is about, and under which consent it was fetched. Personal data: never logged."""

    bureau: str
    document_kind: DocumentKind
    document_number: str = field(repr=False)
    consent_ref: str

    def name(self, key: bytes) -> str:
        """What an entry about them is called under a key."""
        number = "".join(self.document_number.split()).upper()
        whole = "\0".join((self.bureau, self.document_kind.value, number, self.consent_ref))
        return sign(key, f"name\0{whole}".encode()).hex()[:40]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One report on the shelf: where from, by whom it was keyed, and what."""

    bureau: str
    consent_ref: str
    report_number: str
    reported_on: date
    operator: str
    imported_at: datetime
    sha256: str
    figures: Figures

    def content(self) -> JsonObject:
        """What is written down of it, without its seal."""
        return {
            "version": _VERSION,
            "bureau": self.bureau,
            "consent_ref": self.consent_ref,
            "report_number": self.report_number,
            "reported_on": self.reported_on.isoformat(),
            "operator": self.operator,
            "imported_at": self.imported_at.isoformat(),
            "sha256": self.sha256,
            "figures": self.figures.content(),
        }


class Shelf:
    """The folder, and the keys under which reports may stand in it. It blocks: it is called on a thread."""

    def __init__(self, folder: str, keys: Sequence[bytes]) -> None:
        self._files, self._entries = Path(folder, "files"), Path(folder, "entries")
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return f"Shelf({self._files.parent})"

    def check(self) -> None:
        """Raise Misconfigured unless the folder is there and can be read."""
        for place in (self._files, self._entries):
            if not place.is_dir() or not os.access(place, os.R_OK | os.X_OK):
                raise Misconfigured(f"folder: {place.name} is not there, or cannot be read")

    def find(self, subject: Subject) -> Entry | None:
        """The newest report on somebody, its seal and its file proven; None when there is none.

        Raises Rejected when somebody has changed it: an entry or a file that is not as it was put there.
        """
        self.check()
        try:
            for key in self._keys:
                if (path := self._newest(subject.name(key))) is not None:
                    return self._proven(path, key, subject)
        except PermissionError:
            raise Misconfigured("folder: a report cannot be read") from None
        except FileNotFoundError:
            raise _altered("its file is not there") from None
        except OSError as error:
            raise NotSent(f"the shelf cannot be read ({type(error).__name__})") from None
        return None

    def keep(self, subject: Subject, report: bytes, *, operator: str, number: str, on: date, figures: Figures) -> Entry:
        """Put a report on the shelf behind those that stand there already; nothing is ever overwritten.

        Raises ValueError for a report that is empty or too large.
        """
        if not 0 < len(report) <= MAX_FILE_BYTES:
            raise ValueError("report: is empty or larger than 32 MB")
        for place in (self._files, self._entries):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256(report).hexdigest()
        path = self._files / digest
        if not path.exists():
            _write(path, report)
        entry = Entry(
            bureau=subject.bureau,
            consent_ref=subject.consent_ref,
            report_number=number,
            reported_on=on,
            operator=operator,
            imported_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
            sha256=digest,
            figures=figures,
        )
        key, content = self._keys[0], entry.content()
        _write(self._next(subject.name(key)), json_bytes(content | {"seal": _seal(key, content)}))
        return entry

    def _numbered(self, name: str) -> dict[int, Path]:
        found = {path: path.name.split(".") for path in self._entries.glob(f"{name}.*.json")}
        return {int(parts[1]): path for path, parts in found.items() if len(parts) == 3 and parts[1].isdecimal()}

    def _newest(self, name: str) -> Path | None:
        numbered = self._numbered(name)
        return numbered[max(numbered)] if numbered else None

    def _next(self, name: str) -> Path:
        return self._entries / f"{name}.{max(self._numbered(name), default=0) + 1}.json"

    def _proven(self, path: Path, key: bytes, subject: Subject) -> Entry:
        content = _content(path)
        seal = content.pop("seal", None)
        if not isinstance(seal, str) or not hmac.compare_digest(_seal(key, content).encode(), seal.encode()):
            raise _altered("its seal is broken")
        entry = _entry(content)
        if (entry.bureau, entry.consent_ref) != (subject.bureau, subject.consent_ref):
            raise _altered("it is another one's")
        if hashlib.sha256(_read(self._files / entry.sha256, MAX_FILE_BYTES)).hexdigest() != entry.sha256:
            raise _altered("its file is another one")
        return entry


def _entry(content: JsonObject) -> Entry:
    """An entry as it was written down, under a seal that is good; one of a later version cannot be read."""
    fields = Fields(content)
    try:
        if fields.whole("version") != _VERSION:
            raise Misconfigured("the entry was made by a later version")
        return Entry(
            bureau=fields.text("bureau"),
            consent_ref=fields.text("consent_ref"),
            report_number=fields.text("report_number"),
            reported_on=fields.day("reported_on"),
            operator=fields.text("operator"),
            imported_at=fields.instant("imported_at"),
            sha256=fields.text("sha256"),
            figures=figures_of(fields.inner("figures").content),
        )
    except (UnknownOutcome, ValueError):
        raise _altered("its entry cannot be read") from None


def _altered(reason: str) -> Rejected:
    return Rejected("report_altered", f"the report cannot be believed: {reason}")


def _seal(key: bytes, content: JsonObject) -> str:
    """What shows that an entry is as it was put there, under the name that it has."""
    return sign(key, b"seal\0" + json_bytes(content)).hex()


def _content(path: Path) -> JsonObject:
    try:
        return json_object(_read(path, _MAX_ENTRY_BYTES))
    except UnknownOutcome:
        raise _altered("its entry cannot be read") from None


def _read(path: Path, most: int) -> bytes:
    """A file's content, which must be a plain file of ours and no longer than that."""
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(opened, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise _altered("it is longer than a report")
    return content


def _write(path: Path, content: bytes) -> None:
    """Write a new file, whole and safely stored before it has its name; raises FileExistsError when there is one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _OWNER_ONLY)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()
