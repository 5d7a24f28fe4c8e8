"""What may be written in a config, sanctions and rules, and what is said when it is wrong."""
