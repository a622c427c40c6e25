"""The payment stand-in: a plugin that speaks to a vendor who moves no money, and that vendor itself.

`plugin`, `client`, `mapping` and `settings` are the plugin, as any vendor's would be; `vendor` is the server on the
other side. Neither knows anything of the hub but the contract.
"""
