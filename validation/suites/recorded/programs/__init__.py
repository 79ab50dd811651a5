"""Small programs as users write them, one for each class of a kind that a library has."""
