"""`hub`: every command of the system. What a command needs is imported when it runs, so that help comes at once."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from hub.core.errors import LeaseHubError
from hub.infra import loop

Command = Callable[[argparse.Namespace], Coroutine[None, None, int]]


if TYPE_CHECKING:
    _Group = argparse._SubParsersAction[argparse.ArgumentParser]  # argparse has no public name for it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an error that names itself is one line and exit code 1, a wrong use is 2."""
    asked = _parser().parse_args(arguments)
    command: Command = asked.command
    try:
        return loop.run(command(asked))
    except LeaseHubError as error:
        print(f"hub: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub", description="LeaseHub, from the first lead to the transfer of title.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, text: str, command: Command, group: _Group | None = None) -> argparse.ArgumentParser:
        one = (group or commands).add_parser(name, help=text, description=text)
        one.set_defaults(command=command)
        return one

    up = add("up", "database, sandbox, demo and API in one go; Ctrl-C stops all of it", _up)
    up.add_argument("--demo", type=Path, metavar="FILE", help="play this file of applications first")
    add("serve", "serve the API and work on jobs", _serve).add_argument(
        "--no-worker", action="store_true", help="leave the jobs to `hub work`"
    )
    add("work", "work on jobs only; run as many as you like, on as many machines", _work)
    migrate = add("migrate", "bring the database to the newest revision", _migrate)
    migrate.add_argument("--draft", metavar="MESSAGE", help="write a new revision from what the records say")
    migrate.add_argument("--sql", action="store_true", help="print the statements instead")
    demo = add("demo", "play whole leases from a file of applications on a virtual clock", _demo)
    demo.add_argument("file", type=Path, nargs="?", default=Path("examples/applications.csv"))
    demo.add_argument("--until", metavar="DATE", help="the last day to play; today when left out")
    demo.add_argument("--check", action="store_true", help="only read the file, and say what is wrong with it")
    demo.add_argument("--picture", type=Path, metavar="FILE", help="keep what is printed as an SVG")
    sandbox = add("sandbox", "serve the stand-in vendors", _sandbox)
    sandbox.add_argument("--port", type=int, default=8800)
    sandbox.add_argument("--books", type=Path, help="where the vendors keep their books")
    sandbox.add_argument(
        "--until-stdin-closes", action="store_true", help="stop with the process that started this one"
    )

    quote = add("quote", "put cases of schedules, rates or charges to the calculator", _quote)
    quote.add_argument("--from", dest="file", type=Path, required=True, metavar="FILE", help="a case or a list of them")
    quote.add_argument("--json", action="store_true", help="print JSON instead of tables")
    quote.add_argument("--explain", action="store_true", help="tell how every amount came about")

    providers = commands.add_parser("providers", help="the configured instances").add_subparsers(required=True)
    for name, text, command in (
        ("list", "every instance with its state and the reason", _providers_list),
        ("check", "set every instance up as the hub would, and fail when one is not usable", _providers_check),
        ("reload", "have every running process read the configuration anew", _providers_reload),
    ):
        add(name, text, command, providers)
    for name, text in (("disable", "give an instance no new calls"), ("enable", "let it take calls again")):
        switch = add(name, text, _providers_switch, providers)
        switch.add_argument("instance")
        switch.add_argument("--reason", default="by the command line")
        switch.set_defaults(enabled=name == "enable")

    _add_plugins(commands, add)
    _add_upkeep(commands, add)
    return parser


def _add_upkeep(commands: _Group, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Books, trail, database, keys and people: what is looked after."""
    ledger = commands.add_parser("ledger", help="the books").add_subparsers(required=True)
    add("check", "prove that the books balance", _ledger_check, ledger)
    add("prove", "recount everything that must be true, by questions to the database alone", _ledger_prove, ledger)
    trail = commands.add_parser("audit", help="who did what").add_subparsers(required=True)
    verify = add("verify", "recount the chain of seals, and print its head", _audit_verify, trail)
    verify.add_argument("--head", help="a head that was printed before, and kept elsewhere")
    database = commands.add_parser("db", help="backups, and PostgreSQL's majors").add_subparsers(required=True)
    backup = add("backup", "database and sealed files in one file", _backup, database)
    backup.add_argument("file", type=Path)
    backup.add_argument(
        "--with-keyring", action="store_true", help="the keys too: whoever has the file reads everything"
    )
    restore = add("restore", "bring a backup back into an empty database, and prove it", _restore, database)
    restore.add_argument("file", type=Path)
    upgrade = add("upgrade", "take our own server's data to the PostgreSQL that is installed now", _upgrade, database)
    upgrade.add_argument("--from-bin", type=Path, required=True, help="the folder of the programs that made the data")
    keys = commands.add_parser("keys", help="the keyring of sealed data").add_subparsers(required=True)
    add("rotate", "seal with a new key from now on, and reseal what there is", _keys_rotate, keys)
    retire = add("retire", "take a key that seals nothing any more out of the keyring, for good", _keys_retire, keys)
    retire.add_argument("key", type=int, metavar="NUMBER")
    people = commands.add_parser("staff", help="accounts").add_subparsers(required=True)
    first = add("found", "open the headquarters and its first administrator", _staff_found, people)
    first.add_argument("login")
    token = add("token", "make a token that speaks for somebody", _staff_token, people)
    token.add_argument("login")
    token.add_argument("--days", type=int, default=30)


def _add_plugins(commands: _Group, add: Callable[..., argparse.ArgumentParser]) -> None:
    plugins = commands.add_parser("plugins", help="the packages that instances are made of").add_subparsers(
        required=True
    )
    add("list", "every installed plugin: allowed or not, version, contract", _plugins_list, plugins)
    check = add("check", "run the conformance kit of an installed plugin", _plugins_check, plugins)
    check.add_argument("name")
    check.add_argument("--report", type=Path, metavar="FILE", help="write what was found as JSON")
    add("doctor", "say what is wrong with plugins and instances, and what to do", _plugins_doctor, plugins)
    new = add("new", "write a new plugin that passes its kit", _plugins_new, plugins)
    new.add_argument("name", help="the vendor, in small letters: acme")
    new.add_argument("--capability", required=True, help="credit_bureau, gps_tracker, esign, payments or sms")
    new.add_argument(
        "--into", type=Path, metavar="DIR", help="an empty folder; leasehub-<capability>-<name> without it"
    )
    disable = add("disable", "give the instances of a plugin no new calls", _plugins_disable, plugins)
    disable.add_argument("name")
    disable.add_argument("--reason", default="by the command line")


# Serving


# What libraries import only if it is there, to colour a terminal; nobody sees the terminal of a server.
_ORNAMENTS = ("httpx._main", "rich")


@contextmanager
def _lean() -> Iterator[None]:
    """Import what a server needs and no ornament, and collect no garbage meanwhile or before `at_rest`: a third of the
    start would go into it."""
    gc.disable()
    left_out = [name for name in _ORNAMENTS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(left_out, cast("ModuleType", None)))  # how Python marks what cannot be imported
    try:
        yield
    finally:
        for name in left_out:
            del sys.modules[name]


async def _up(asked: argparse.Namespace) -> int:
    from hub.commands import playing

    return await playing.up(asked.demo)


async def _serve(asked: argparse.Namespace) -> int:
    with _lean():
        from hub.commands import serving

    return await serving.serve(worker=not asked.no_worker)


async def _work(asked: argparse.Namespace) -> int:
    with _lean():
        from hub.commands import serving

    return await serving.work()


async def _sandbox(asked: argparse.Namespace) -> int:
    from hub.commands import playing

    return await playing.sandbox(asked.port, asked.books, until_stdin_closes=asked.until_stdin_closes)


async def _demo(asked: argparse.Namespace) -> int:
    from hub.commands import playing

    return await playing.demo(asked.file, asked.until, check=asked.check, picture=asked.picture)


async def _quote(asked: argparse.Namespace) -> int:
    from hub.commands import quoting

    return quoting.quote(asked.file, as_json=asked.json, explain=asked.explain)


async def _migrate(asked: argparse.Namespace) -> int:
    from hub.infra import migrate
    from hub.infra.settings import load_settings
    from hub.wiring import database_url

    if asked.sql:
        print(migrate.offline_sql())
        return 0
    url = database_url(load_settings())
    migrate.upgrade(url)
    if asked.draft:
        migrate.draft(url, asked.draft)
    print(f"at revision {migrate.current(url)}")
    return 0


# Looking and switching


async def _providers_list(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    return await desk.providers(check=False)


async def _providers_check(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    return await desk.providers(check=True)


async def _providers_reload(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    return await desk.ask_for_reload()


async def _providers_switch(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    return await desk.switch([asked.instance], enabled=asked.enabled, reason=asked.reason)


async def _plugins_list(asked: argparse.Namespace) -> int:
    from hub.commands import plugins

    return await plugins.show()


async def _plugins_check(asked: argparse.Namespace) -> int:
    from hub.commands import plugins

    return await plugins.check(asked.name, asked.report)


async def _plugins_doctor(asked: argparse.Namespace) -> int:
    from hub.commands import plugins

    return await plugins.doctor()


async def _plugins_new(asked: argparse.Namespace) -> int:
    from hub.commands import plugins

    return await plugins.new(asked.name, asked.capability, asked.into)


async def _plugins_disable(asked: argparse.Namespace) -> int:
    from hub.commands import plugins

    return await plugins.disable(asked.name, asked.reason)


async def _ledger_check(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    return await desk.ledger_check()


async def _ledger_prove(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    return await desk.ledger_prove()


async def _audit_verify(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    return await desk.audit_verify(asked.head)


async def _backup(asked: argparse.Namespace) -> int:
    from hub.commands import backup

    return await asyncio.to_thread(backup.backup, asked.file, with_keyring=asked.with_keyring)


async def _restore(asked: argparse.Namespace) -> int:
    from hub.commands import backup

    return await backup.restore(asked.file)


async def _upgrade(asked: argparse.Namespace) -> int:
    from hub.commands import backup

    return await asyncio.to_thread(backup.upgrade, asked.from_bin)


async def _keys_rotate(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    return await desk.rotate_keys()


async def _keys_retire(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    return await desk.retire_key(asked.key)


async def _staff_found(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    password = os.environ.pop("LEASEHUB_PASSWORD", None) or _ask_password()
    return await desk.found(asked.login, password)


async def _staff_token(asked: argparse.Namespace) -> int:
    from hub.commands import desk

    return await desk.issue_token(asked.login, asked.days)


def _ask_password() -> str:
    import getpass

    return getpass.getpass("password of the first administrator: ")


if __name__ == "__main__":
    sys.exit(main())
