"""The work of `booking calcom-webhook`: the address and the secret that are set at Cal.com, and whether hints come."""

from db import accounts, calcom_webhooks
from db.accounts import NoSuchAccountError
from tasks.calcom_webhooks.hints import TRIGGERS
from tasks.calcom_webhooks.secrets import secret_of, token_of
from tasks.words import clock
from worker.cli.session import ready
from worker.console import screen
from worker.console.stop import Stop


def run(account: str) -> bool:
    """Show what is to be set at Cal.com, and the last hint; False: none has come yet."""
    deps = ready()
    if not deps.webhook_secrets:
        raise Stop("CALCOM_WEBHOOK_SECRET is not set")
    with deps.engine.connect() as conn:
        try:
            number = accounts.named(conn, account).id
        except NoSuchAccountError:
            raise Stop(f"{account}: no account has this name") from None
        last = calcom_webhooks.last_received(conn, number)
    secret = deps.webhook_secrets[0]
    screen.facts(
        [
            ("address", f"https://YOUR_HOST/v1/calcom/webhook/{token_of(secret, number)}"),
            ("secret", secret_of(secret, number)),
            ("triggers", ", ".join(TRIGGERS)),
            ("last hint", clock(last) if last else "none yet"),
        ]
    )
    return last is not None
