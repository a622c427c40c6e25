"""The contract (合同): what was approved, written down, signed, paid for at signing, and put into force.

drafted → out_for_signature → signed → funded → active → settled → closed. A signature that is declined or runs out leads
back to drafted; before the car is handed over a contract may be cancelled; an active one may be terminated. The paper
is set from our own templates in Chinese and English, signed through a provider, and kept under its digest. A contract
keeps the product version and the amounts that it was written on.
"""
