"""What all plugins for Tencent Cloud's API 3.0 share: `signing`, `client`, `codes`, `settings`; `standin` for their tests.

No provider lives here: this package offers the hub nothing by itself.
"""
