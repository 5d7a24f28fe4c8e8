"""What a text says, whoever wrote it: its normal form, words, signals, and what is invisible in it. No chat, no plan of anybody."""
