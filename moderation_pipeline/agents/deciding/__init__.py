"""Decision models as Student: which questions are asked, and the plan that follows from the answers."""
