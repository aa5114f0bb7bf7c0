"""The blocks of docs/integrating.md in PHP and in JavaScript book, ask, and check the signature of a callback."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tasks.callbacks.signing import secrets_of, signature
from tests.support.api.integrating import blocks
from tests.support.api.served import Api

BODY = '{"type":"booking.confirmed","data":{"say":"Schön."}}'
OURS, OTHERS = (secrets_of([SecretStr(f"{word}-secret-of-callbacks-32-letters")], 7, 1)[0] for word in ("a", "b"))
PHP = """
$sent = json_decode(stream_get_contents(STDIN), true);
$signed = array_map(fn ($one) => is_signed($one['body'], $one['headers'], $one['secret']), $sent);
echo json_encode(['booking' => $booking, 'signed' => $signed]);
"""
NODE = """
import { readFileSync } from 'node:fs';
const sent = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify({ booking, signed: sent.map((one) => isSigned(one.body, one.headers, one.secret)) }));
"""


def callback(*secrets: str, body: str = BODY, age: float = 0.0, **changes: str) -> dict[str, Any]:
    """Return a callback as its receiver has it, signed by some secrets; the receiver's own is OURS."""
    at = datetime.now(UTC) - timedelta(seconds=age)
    headers = {"webhook-id": "cb_41_2", "webhook-timestamp": str(int(at.timestamp()))}
    headers["webhook-signature"] = signature(secrets, "cb_41_2", at, BODY)
    return {"body": body, "headers": headers | changes, "secret": OURS}


def sent() -> dict[str, tuple[dict[str, Any], bool]]:
    """Return callbacks by what they are, each with whether it counts."""
    return {
        "ours": (callback(OURS), True),
        "while CALLBACK_SECRET changes": (callback(OTHERS, OURS), True),
        "another body": (callback(OURS, body=BODY.replace("confirmed", "cancelled")), False),
        "another secret": (callback(OTHERS), False),
        "another id": (callback(OURS, **{"webhook-id": "cb_41_3"}), False),
        "replayed": (callback(OURS, age=900), False),
        "of the future": (callback(OURS, age=-900), False),
        "no signature": (callback(OURS, **{"webhook-signature": ""}), False),
        "no headers": ({**callback(OURS), "headers": {}}, False),
    }


@pytest.mark.parametrize(
    ("language", "file", "command", "tail"),
    [
        pytest.param("php", "shop.php", "php", PHP, marks=pytest.mark.debian_php),
        pytest.param("js", "shop.mjs", "node", NODE, marks=pytest.mark.debian_node),
    ],
)
def test_each_block_runs(api: Api, tmp_path: Path, language: str, file: str, command: str, tail: str) -> None:
    """As one program; a forged or replayed callback does not count."""
    program, callbacks = tmp_path / file, sent()
    program.write_text("".join([*blocks(language), tail]), "utf-8")
    given = {"PATH": os.environ["PATH"], "BOOKING_URL": api.url, "BOOKING_KEY": api.key().key}  # noqa: TID251 - a child

    ran = subprocess.run(
        [command, str(program)],
        check=False,
        input=json.dumps([one for one, _ in callbacks.values()]),
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    told = json.loads(ran.stdout)
    stored = "SELECT idempotency_key LIKE '%form-784_' FROM appointments WHERE id = :id"
    assert api.sql(stored, id=told["booking"]["id"])
    assert dict(zip(callbacks, told["signed"], strict=True)) == {
        name: counts for name, (_, counts) in callbacks.items()
    }
