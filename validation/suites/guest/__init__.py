"""How the image behaves for a user that it does not know, in login shells, and when edited."""
