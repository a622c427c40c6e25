"""What each payment provider says it has moved in a day, line by line, held against our movements and our books (对账).

A statement of a day is due when the day is over for the provider, is fetched by the night, and then matched or differs.
Whatever does not agree is a difference with a name; it is open until a person explains or books it, or until it is gone
because late news has arrived. Statement less books is always the sum of the differences, to the cent.
"""
