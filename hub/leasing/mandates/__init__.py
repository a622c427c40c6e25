"""The payer's permission to be debited: asked for once at one provider, agreed to, and one day taken back.

A mandate (代扣签约) runs requested → pending → active | rejected. One that is to be taken back (解约) is revoking until the
provider has said so, and then revoked; if it refuses, the mandate is active again. Nothing is debited under a mandate
that is not active. A payer may also take it back at the provider: a callback of that is only a knock, and the provider
is asked how the mandate stands.
"""
