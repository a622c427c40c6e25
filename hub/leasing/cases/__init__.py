"""Cases (测算案例): a deal or a charge in words, as somebody has published it: what is known, and by which convention.

Every key has a type and a meaning (`vocabulary`, `words`); the convention is set out cleanly or in prose (`convention`);
together they are a plan of rents (`deal`). What is made of a case is in the room `calculator`. Pure; nothing is stored.
"""
