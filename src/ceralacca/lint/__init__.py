"""Conformance rules that read a finished message as a stranger would.

`sealable.examine` stands before the sealer; `form.check_form` and `contradictions` judge what others sent.
"""
