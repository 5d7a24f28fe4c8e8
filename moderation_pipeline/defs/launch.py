"""Runs started by the terminal: the same jobs on the same instance as the UI's, in this process.

What a job holds is in `jobs.py`; what the terminal says about it is the terminal's. Each function needs the
definitions, so importing this module takes seconds: the terminal does so after its first words.
"""
