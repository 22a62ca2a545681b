"""Judging generators: the scoring protocol, the table, scores.json and the pictures beside them."""
