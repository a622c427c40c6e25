"""Alipay's open platform, RSA2: agreement withholding, refunds, transfers, bills and notifications."""
