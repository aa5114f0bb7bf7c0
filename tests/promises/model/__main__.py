"""Write what the search prints into docs/promises.md."""

from tests.promises.model.document import PROMISES, page

if __name__ == "__main__":
    PROMISES.write_text(page(), encoding="utf-8")
