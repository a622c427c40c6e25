"""How a lease ends: early settlement on any day, the deposit given back, and the way to the transfer of title.

A payoff quote runs offered → accepted → paid, or refused when its money did not come; one is accepted at a time. A
settled account gets its deposit back by a payout, and the price of the purchase option is debited, again by the rule of
a refused rent; once both are done, in whichever order, the contract may close and the title pass.
"""
