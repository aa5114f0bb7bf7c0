"""The eighteen sentences, ranked: each a pure question to an overview, answered by a row that is true, or by None."""
