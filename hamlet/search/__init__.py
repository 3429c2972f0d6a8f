"""Looking ahead in games: tree search with networks, and perfect play."""
