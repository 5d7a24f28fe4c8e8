"""Several chats in one command, unattended: which runs are made, what is said in the end, what is kept how long."""
