"""The conformance kit: what a plugin must show before it is trusted, each check with an id, a tier and a reason.

`rig` is what a plugin's author brings: settings, a stand-in vendor, its books. The kit puts a `line` between plugin and
vendor, which keeps every request and makes the trouble; `roads` lead the plugin to it: inside the process, and over
real sockets on every transport that the hub can choose. `bench` is rig, line and provider set up for one check, the
`checks` judge, `runner` runs them, `suite` and `report` show what came of it. Nothing here needs pytest but `suite`.
"""
