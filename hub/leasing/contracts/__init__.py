"""The contract (合同): what was approved, written down, put into force, and closed.

drafted → out_for_signature → signed → funded → active → settled → closed. How it is signed is the chapter of
`signatures`, what is paid at signing that of `funding`: both come after this one and tell it. A signature that does
not come about leads back to drafted; before the car is handed over a contract may be cancelled; an active one may be
terminated. A contract keeps the product version and the amounts that it was written on.
"""
