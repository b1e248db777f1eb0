"""A whole PEC nation on one machine, all of it TEST: an authority, two providers, a mail server outside PEC.

cast            who plays: providers, their domains, the holders
ports           which part listens where
nation          makes the folder of the nation, or opens one that is there
configuration   the settings file of each provider
ordinary_mail   the mail server outside PEC, and the post of the provider that exists on paper only
running         starts everything, waits until it answers, ends it
watch           what arrives, wherever it arrives
story           one certified message, told while it travels
scenarios       the conformance scenarios, each with what must come of it
checks          is what was emitted right, by our verifier and by tools that are not ours
"""
