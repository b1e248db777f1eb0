"""What mail programs ask to set themselves up: one module a format, all written from the same `MailServices`.

None of it knows mailboxes: the answer is the same for every address of a domain (threats.md 41).
"""
