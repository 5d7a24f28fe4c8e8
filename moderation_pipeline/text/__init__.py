"""What a text says, whoever wrote it: normal form, words, signals, what is invisible. No chat, nobody's plan."""
