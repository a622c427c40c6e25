"""How fast the hub is, as ratios within one run: one file a workload, run by `make bench`; the table is docs/bench.md."""
