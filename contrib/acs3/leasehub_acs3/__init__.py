"""Alibaba Cloud's family protocol: `signing` is pure, `client` sends, `codes` tells the gateway's refusals apart.

`settings` is what every plugin of the family has to be told; `standin` answers as the gateway does, for tests.
"""
