"""What came of it, for a person at a terminal: applications, leases, money by account, calls, and whether books balance."""

from __future__ import annotations

from collections.abc import Mapping

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hub.demo.applicants import Problem
from hub.leasing.reports.rules import Summary
from hub.ledger.chart import CHART

_MOST_REFUSED = 8


def show(console: Console, summary: Summary, problems: list[Problem], refused: Mapping[str, str]) -> None:
    """Print the whole of it."""
    if problems:
        console.print(_problems(problems))
    console.print(
        Group(
            Columns([_counts("Applications", summary.applications), _counts("Contracts", summary.contracts)]),
            _books(summary),
            _calls(summary.calls),
        )
    )
    if refused:
        console.print(_refused(refused))
    verdict = "[bold green]books balance[/]" if summary.books_balance else "[bold red]BOOKS DO NOT BALANCE[/]"
    accounts = summary.accounts
    console.print(
        Panel(
            f"as of {summary.as_of}: {accounts.get('active', 0)} active · {accounts.get('settled', 0)} settled · "
            f"{accounts.get('overdue', 0)} overdue · {verdict}",
            expand=False,
        )
    )
    for finding in summary.findings:
        console.print(Text(f"{finding.kind}: {finding.subject}: {finding.detail}", style="red"))


def _counts(title: str, counts: Mapping[str, int]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("state")
    table.add_column("number", justify="right")
    for state, number in counts.items():
        table.add_row(state, f"{number:,}")
    return table


def _books(summary: Summary) -> RenderableType:
    table = Table(title=f"Books, {summary.books.debit.currency}", title_justify="left")
    for name in ("account", "", "debit", "credit", "balance"):
        table.add_column(name, justify="right" if name in ("debit", "credit", "balance") else "left")
    for total in summary.books.totals:
        if total.debit or total.credit:
            account = CHART[total.account]
            amounts = (total.debit, total.credit, total.balance)
            table.add_row(total.account.value, _words(account.name_en), *(f"{money.amount:,.2f}" for money in amounts))
    table.add_section()
    table.add_row("", "total", f"{summary.books.debit.amount:,.2f}", f"{summary.books.credit.amount:,.2f}", "")
    return table


def _calls(calls: Mapping[tuple[str, str], int]) -> RenderableType:
    table = Table(title="Provider calls", title_justify="left")
    outcomes = sorted({outcome for _, outcome in calls})
    table.add_column("operation")
    for outcome in outcomes:
        table.add_column(outcome, justify="right")
    for operation in sorted({operation for operation, _ in calls}):
        table.add_row(operation, *(f"{calls.get((operation, outcome), 0):,}" for outcome in outcomes))
    return table


def _problems(problems: list[Problem]) -> RenderableType:
    table = Table(title="Lines that could not be read", title_justify="left", border_style="yellow")
    for name in ("line", "column", "reason"):
        table.add_column(name)
    for problem in problems:
        table.add_row(str(problem.line), problem.column, _words(problem.reason))
    return table


def _refused(refused: Mapping[str, str]) -> RenderableType:
    table = Table(title="Refused", title_justify="left")
    table.add_column("reference")
    table.add_column("at which step, and why")
    for reference, reason in list(refused.items())[:_MOST_REFUSED]:
        table.add_row(reference, _words(reason))
    if len(refused) > _MOST_REFUSED:
        table.add_row("…", f"and {len(refused) - _MOST_REFUSED} more")
    return table


def _words(text: str) -> Text:
    """Words as they are, brackets and all, and never cut off."""
    return Text(text, overflow="fold")
