"""The text of a key: what it is made of, and which typing error its checksum finds."""

import re

from db.api_keys.key_text import hash_of, is_key, new_handle, new_key


def test_a_new_key_names_itself_and_is_like_no_other() -> None:
    """`bw_<8>_<rest>`; the rest is 256 random bits and a checksum."""
    handle = new_handle()
    made = {new_key(handle) for _ in range(50)}

    assert len(made) == len({hash_of(key) for key in made}) == 50
    assert all(re.fullmatch(rf"bw_{handle}_[0-9A-Za-z]{{49}}", key) and is_key(key) for key in made)


def test_a_typing_error_is_found_without_a_query() -> None:
    """Any one character that is another one, two that changed places, and a part that is missing."""
    key = new_key("3fKq81aZ")
    others = [key[:at] + ("a" if key[at] != "a" else "b") + key[at + 1 :] for at in range(len(key))]
    others += [key[:at] + key[at + 1] + key[at] + key[at + 2 :] for at in range(len(key) - 1) if key[at] != key[at + 1]]

    assert [other for other in others if is_key(other)] == []
    assert [
        text for text in ("", key[:-1], key + "0", f" {key}", key.replace("_", "-"), "b\u00fc") if is_key(text)
    ] == []
