"""What is released, who decided so, and what is proven about it: what joins evidence and tags."""
