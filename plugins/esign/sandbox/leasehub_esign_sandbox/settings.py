"""What an operator configures: where the stand-in is, and the secrets shared with it."""

from __future__ import annotations

from hub.sdk.sandbox.client import SandboxClientSettings


class EsignSandboxSettings(SandboxClientSettings):
    """Settings of one instance."""

    base_url: str = "http://127.0.0.1:8800/esign"
