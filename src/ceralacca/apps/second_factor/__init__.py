"""Second factors of holders at work: codes, recovery codes, passkeys, and the judge of all three.

Clauses: SE-3.
"""
