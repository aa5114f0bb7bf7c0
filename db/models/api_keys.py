"""The tables of the API keys, and of the secrets by which agents' platforms prove that they ask for one."""

from enum import StrEnum

from sqlalchemy import ARRAY, BigInteger, Column, Identity, Integer, LargeBinary, Table, Text, func

from db.models.bookings import MOMENT, EnumText, metadata, required


class Platform(StrEnum):
    """Where agents run that prove themselves by a secret of their own."""

    RETELL = "retell"
    VAPI = "vapi"


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("name", Text),  # by operators, in the log of requests
    required("handle", Text),  # the 8 characters of its text; they stay the same when it is rotated
    required("key_hash", LargeBinary),
    Column("old_hash", LargeBinary),  # of the key before the last rotation
    Column("old_until", MOMENT),  # when that one ends
    required("scopes", ARRAY(Text)),
    Column("event_types", ARRAY(BigInteger)),  # that it may book; null: all
    required("rate", Integer),  # calls a minute
    required("created_at", MOMENT, server_default=func.now()),
    Column("last_used_at", MOMENT),  # to the minute
    Column("revoked_at", MOMENT),
    Column("callback_url", Text),  # where what its bookings come to is sent
    Column("callback_off_at", MOMENT),  # when that address answered 410: nothing is sent there any more
    Column("allowed_callback_hosts", ARRAY(Text)),  # that a request may name as its own callback address; null: none
    required("secret_version", Integer, server_default="1"),  # of the secret that signs its callbacks
    required("account_id", Integer, server_default="1"),  # whose bookings it asks for, and may see
)

voice_secrets = Table(
    "voice_secrets",
    metadata,
    Column("api_key_id", BigInteger, primary_key=True),
    Column("platform", EnumText(Platform), primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    required("encrypted_secret", Text),  # for its key and its platform alone
    required("created_at", MOMENT, server_default=func.now()),
)
