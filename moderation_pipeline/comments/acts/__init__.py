"""What human moderators did: in which words a log tells it, which comments it may be about, what it labels.

And who they are, where a log marks nobody.
"""
