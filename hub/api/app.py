"""The application: every room's router under one prefix, errors in one shape, a correlation id on every line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError

import hub
from hub.api import (
    applications,
    approvals,
    audit,
    calculator,
    callbacks,
    channels,
    collections,
    contracts,
    credit,
    disbursements,
    errors,
    funding,
    health,
    inventory,
    leads,
    ledger,
    metrics,
    parties,
    payments,
    products,
    providers,
    quotes,
    reports,
    servicing,
    signatures,
    staff,
    statements,
    suspense,
    tracking,
    warnings,
    webhooks,
)
from hub.api.pace import Pace
from hub.api.threshold import LARGEST_BODY, PREFIX, TOO_LARGE, Threshold
from hub.house import House

__all__ = ["LARGEST_BODY", "PREFIX", "TOO_LARGE", "Lifespan", "create_app"]

ROUTERS: tuple[APIRouter, ...] = (
    staff.router,
    leads.router,
    channels.router,
    parties.router,
    products.router,
    quotes.router,
    calculator.router,
    applications.router,
    credit.router,
    contracts.router,
    signatures.router,
    funding.router,
    disbursements.router,
    approvals.router,
    inventory.router,
    tracking.router,
    payments.router,
    statements.router,
    servicing.router,
    suspense.router,
    collections.router,
    warnings.router,
    audit.router,
    ledger.router,
    reports.router,
    providers.router,
    webhooks.router,
)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(house: House, *, lifespan: Lifespan | None = None) -> FastAPI:
    """The application that serves `house`."""
    app = FastAPI(
        title="LeaseHub",
        version=hub.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        redirect_slashes=False,
    )
    app.state.house = house
    # Routes are tried one after the other: first those that machines ask for all day long.
    app.router.routes.append(callbacks.ROUTE)
    app.include_router(health.router)
    app.include_router(metrics.router)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    errors.install(app)
    app.add_exception_handler(RequestValidationError, errors.on_unreadable)
    app.add_middleware(Pace, house=house, prefix=PREFIX)
    app.add_middleware(Threshold, house=house)
    return app
