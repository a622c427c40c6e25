"""The numbers: what the rooms have counted and the books hold, put side by side for a reader. It changes nothing."""
