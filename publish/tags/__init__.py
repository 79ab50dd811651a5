"""Tags as transactions: the journal, the lock, promotion of a whole set, the way back."""
