"""The suite `start`: how an image behaves when a user starts it."""
