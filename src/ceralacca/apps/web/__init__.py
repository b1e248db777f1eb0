"""The web pages of mailbox holders: read, write, follow what was sent, keep the proof. Rendered here, in two languages.

    role           the process: HTTPS, the parts that the pages need
    application    routes, and what every answer carries (`headers`)
    visit          one request: who asks, in which language, with which form; sessions and their cookie
    *_pages        one subject each

Mail is read through our own IMAP server and submitted through the access point, in the holder's name, with a ticket
that lasts as long as the session (`ports.web_session`). So flags, folders and refusals have one truth for every
client. Pages work without scripts; with them they stay up to date by themselves.
"""
