"""The columns of all tables, as SQLAlchemy's Core knows them: statements are built of these."""
