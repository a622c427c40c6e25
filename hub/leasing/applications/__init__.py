"""Applications (进件): a party asks for one car on one quote, and the company says yes or no.

draft → submitted → under_review → approved | declined | returned; a returned one is submitted again, and any that is
not decided may be withdrawn. Submitting needs the required material and a consent to the credit check; deciding needs
a credit outcome and a second pair of eyes. How the outcome comes about is the credit room's chapter; what follows an
approval is the contracts room's.
"""
