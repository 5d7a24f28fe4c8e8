"""One module per format of chat log; each turns records into comments, acts, ignored or unreadable ones."""
