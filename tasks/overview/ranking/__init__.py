"""The sentences, ranked: each is a pure function of an overview, and returns None if it is not true."""
