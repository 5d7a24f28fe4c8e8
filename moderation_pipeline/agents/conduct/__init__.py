"""Who writes a line and how, for Students that learn: what a chat shows of its users, without any label."""
