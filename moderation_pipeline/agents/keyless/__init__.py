"""Judges that need no model: the rules, the careful rules, and how they read a text."""
