"""The generated chat: who writes, what, when, and with which labels."""
