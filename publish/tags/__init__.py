"""Tags as transactions: journal, lock, promotion of a whole set, rollback and yank."""
