"""The API as `hub serve --no-worker` serves it, with one route more that does nothing: `python -m bench.server PORT`."""

from __future__ import annotations

import sys

import uvicorn

from hub.api.app import create_app
from hub.commands.serving import at_rest
from hub.infra import logs, loop
from hub.infra.settings import load_settings
from hub.wiring import open_hub


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    settings = load_settings()
    logs.configure(level="WARNING")
    assert settings.database_url
    async with open_hub(settings, settings.database_url) as hub:
        app = create_app(hub.house)

        @app.post("/nothing")  # declared after the other, so it is the last that is popped
        @app.post("/nothing-last")
        async def nothing() -> dict[str, bool]:
            """What any route costs on this server."""
            return {"ok": True}

        # Routes are tried one after the other: it has the place of the callbacks' own.
        app.router.routes.insert(0, app.router.routes.pop())
        at_rest()
        config = uvicorn.Config(app, port=port, log_config=None, access_log=False)
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    loop.run(serve(int(sys.argv[1])))
