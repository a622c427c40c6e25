"""WeChat Pay, APIv3: entrusted withholding in two steps, refunds, transfers to users, bills and callbacks."""
