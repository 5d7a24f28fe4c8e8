"""Decision models: questions in, probabilities out."""
