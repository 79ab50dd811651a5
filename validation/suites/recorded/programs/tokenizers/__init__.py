"""Programs with Tokenizers."""
