"""Parties: everybody a lease knows, as a person or a company, with what identifies and reaches them.

A party is registered once in the whole company, under one checked document; phones, addresses, employment and bank
accounts hang on it. A consent is given for one purpose and one text, and stays valid until it is withdrawn:
given → withdrawn. Everything that names a person is sealed at rest and masked in views; `reveal_party` opens it, and
leaves a trace. What a party wants (leads), asks for (applications) or owes (servicing) is not told here.
"""
