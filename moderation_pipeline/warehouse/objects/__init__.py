"""One warehouse for several machines: tables and results as objects in a store, and a catalogue that says which hold.

Without MODERATION_WAREHOUSE nothing in here is imported, and the data folder is all there is. With it the folder is
this machine's mirror: runs write it as they do alone, what they made is published, and readers fetch what it lacks.
"""
