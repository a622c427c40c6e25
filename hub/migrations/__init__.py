"""The database's history, from the first table on; `env` sees every room's records."""
