"""Encrypted keys: each opens in its own row, with any of the encryption keys; and a memory that is bounded."""

import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from tasks.accounts.keys import KeyCipher, KeyUnreadableError
from tasks.accounts.recent import Recent

KEY = SecretStr("cal_live_of_salon_7")


def encryption_key() -> SecretStr:
    """Make one."""
    return SecretStr(Fernet.generate_key().decode())


@pytest.mark.parametrize("row", [{"account": 3, "service": "calcom"}, {"account": 2, "service": "c-other"}])
def test_a_key_opens_in_its_own_row_alone(row: dict[str, object]) -> None:
    """Not in another account's, nor at another Cal.com."""
    cipher = KeyCipher([encryption_key()])
    encrypted = cipher.encrypt(KEY, account=2, service="calcom")

    assert cipher.decrypt(encrypted, account=2, service="calcom") == KEY
    with pytest.raises(KeyUnreadableError, match="another row"):
        cipher.decrypt(encrypted, **row)  # type: ignore[arg-type]


def test_the_first_encryption_key_encrypts_and_all_decrypt() -> None:
    """One of two that is lost takes what it has encrypted with it, and nothing else."""
    old, new = encryption_key(), encryption_key()
    before = KeyCipher([old]).encrypt(KEY, account=2, service="calcom")
    again = KeyCipher([new, old]).encrypt_again(before)

    assert KeyCipher([new, old]).decrypt(before, account=2, service="calcom") == KEY
    assert KeyCipher([new]).decrypt(again, account=2, service="calcom") == KEY
    for encrypted, given in ((before, [new]), (again, [old]), (before, []), ("no cipher", [old])):
        with pytest.raises(KeyUnreadableError) as unreadable:
            KeyCipher(given).decrypt(encrypted, account=2, service="calcom")
        assert KEY.get_secret_value() not in str(unreadable.value)


def test_the_library_is_loaded_when_a_key_is_opened() -> None:
    """A process of one account pays nothing for it; redis-py looks for its version number alone."""
    code = "import sys, worker, tasks.booking, worker.wiring; print('cryptography.fernet' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert ran.stdout == "False\n"


def test_a_process_remembers_what_it_used_last() -> None:
    """And no more than so many accounts."""
    remembered: Recent[int, str] = Recent(2)
    for number in (1, 2):
        remembered[number] = str(number)
    assert remembered.get(1) == "1"
    remembered[3] = "3"

    assert [remembered.get(number) for number in (1, 2, 3)] == ["1", None, "3"]
    assert len(remembered) == 2
