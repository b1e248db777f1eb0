"""Internet messages at the level of octets: a look that finds every field and part, and nothing that rewrites.

Readers (`header`, `parameters`, `words`, `addresses`, `entity`, `transfer`) work in time
and memory bounded by `limits`, whatever the input. `compose` makes new fields and parts and shares no code with them.
"""
