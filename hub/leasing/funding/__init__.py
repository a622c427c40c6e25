"""The funding (首期款): what is due at signing, asked for by the lessee's mandate, until the contract is funded.

Down payment, security deposit, service fee, third parties' fees: each payment runs due → requested → received, and
one that is refused is due again. With the last of them the contract is funded, and its car may be handed over.
"""
