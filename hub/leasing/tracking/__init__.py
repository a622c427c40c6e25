"""Where the cars are: GPS devices, which car each sits in, the positions they report and the alarms they raise.

A device is in_stock → installed → removed (and in stock again), or faulty. It belongs to the provider instance that it
reports through. A binding ties one device to one car from installation to removal; a car has at most one main and one
hidden device. Positions are WGS-84 and belong to the car that the device sat in; they are written once.
"""
