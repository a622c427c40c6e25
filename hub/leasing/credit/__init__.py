"""Credit investigation: what a bureau knows of an applicant, and what the company makes of it.

A check is requested → reported | no_file, by way of pending or unknown when the answer is late; it has failed when
nobody was asked or the bureau refused, and is skipped when nobody may or need be asked. No inquiry is made without a
consent that is valid at that moment. The rule set turns a report into pass, refer or decline with reason codes; who
decides on the application is told in applications.
"""
