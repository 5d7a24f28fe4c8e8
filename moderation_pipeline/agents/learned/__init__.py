"""The learned Student: a head on top of any other Student, trained on audits as they come."""
