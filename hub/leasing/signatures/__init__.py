"""The signature (签署): the contract as a paper, sent out in an envelope, and kept as it came back signed.

The paper is set from our own templates in Chinese and English and kept under its digest. An envelope runs requested →
sent → completed | declined | expired | voided; one that nobody knows of is unknown until it is reconciled, one that
nobody took has failed. One envelope a contract is out at a time: with its signed file the contract is signed, without
one it is a draft again.
"""
