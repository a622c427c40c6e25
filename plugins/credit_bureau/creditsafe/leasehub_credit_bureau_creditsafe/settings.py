"""What an operator configures: the account, the country whose companies are asked about, and how a report is ordered."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from hub.core.provider import PluginSettings


class SearchBy(StrEnum):
    """By which of its numbers a company is looked for."""

    REGISTRATION = "regNo"
    VAT = "vatNo"


class CreditsafeSettings(PluginSettings):
    """Settings of one instance: one account and one country.

    `custom_data` is what some countries want to be told with each report, e.g. `de_reason_code::1`. `score_low` and
    `score_high` give the scale on which the hub is told the score, the one that the company's rule set means; with
    `own_scale` it is the country's own. One of the two must be said: a score on the wrong scale decides wrongly.
    """

    username: str = Field(min_length=1)
    password: SecretStr = Field(min_length=1)
    country: str = Field(default="CN", pattern=r"^[A-Z]{2}$")
    search_by: SearchBy = SearchBy.REGISTRATION
    language: str = Field(default="en", pattern=r"^[a-z]{2}$")
    template: str = Field(default="full", pattern=r"^[A-Za-z0-9_-]{1,60}$")
    custom_data: str = Field(default="", max_length=200)
    score_low: int | None = None
    score_high: int | None = None
    own_scale: bool = False
    bearer: bool = True
    base_url: str = "https://connect.creditsafe.com/v1"
    timeout_s: float = Field(default=15.0, gt=0, le=60)

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query:
            raise ValueError("must be http:// or https:// and a host")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _a_scale(self) -> CreditsafeSettings:
        low, high = self.score_low, self.score_high
        if (low is None) != (high is None) or (low is not None and high is not None and low >= high):
            raise ValueError("score_low and score_high come together, the lower one first")
        if self.own_scale is (low is not None):
            raise ValueError(
                "score_low and score_high: give the scale that your rule set means, 300 and 850 for the hub's own, or "
                "own_scale = true for the country's (mostly 0 to 100, of which the hub's own rule set declines all)"
            )
        return self
