"""What a learned head reads of a case: numbers, who writes and how, words; rows of them for many cases."""
