"""What `hub` does when it is called from a terminal: `serving` has the long-running commands, `desk` the short ones."""
