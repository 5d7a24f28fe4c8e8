"""The files of a chat: each read, all made one stream, and put in their place once they are."""
