"""The warehouse (仓库管理): every car the company owns or has on order, from the purchase order to the transfer of title.

A car is ordered → purchase_in_transit → in_stock (or abnormal) → reserved → leased → title_transferred; between branches it
is transfer_in_transit and transshipment_in_transit; off the straight road it is repossessed → in_disposal → sold. A status
changes only through a movement with actor, time, reason and paper. A purchase order runs requested → ordered → confirmed →
received | cancelled. One car is held for one contract at a time.
"""
