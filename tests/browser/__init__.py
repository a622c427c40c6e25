"""The console in a real browser; a package, so that its world is built once for all of its files."""
