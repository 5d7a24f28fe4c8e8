"""How chats stand and what there is of them: told without reading their files, and taken away."""
