"""What human moderators did: in which words a log tells it, which comments it may be about, what it labels; and who they
are where no log says it."""
