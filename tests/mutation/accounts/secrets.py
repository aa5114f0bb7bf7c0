"""The secrets of a tenant's agents: guards of what proves for which key, each taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_SECRETS = "tests/integration/api/voice/test_agents_secrets.py::"
_CLI = "tests/integration/cli/keys/test_cli_voice.py::"
_callers = partial(Breakage, promise=7, file="tasks/callers/voice_secrets.py")
_rows = partial(Breakage, promise=7, file="db/api_keys/voice_secrets.py")

AGENTS_SECRETS = (
    _callers(
        name="the-settings-secret-proves-for-every-account",
        old="return fleets if self.key.account_id == DEFAULT_ACCOUNT else ()",
        new="return fleets",
        test=f"{_SECRETS}test_the_settings_prove_for_keys_of_default_without_a_secret",
    ),
    _callers(
        name="the-settings-secret-proves-beside-a-keys-own",
        old="            return self.own[platform]\n",
        new="            return [*self.own[platform], *fleets]\n",
        test=f"{_SECRETS}test_no_secret_but_its_own_opens_a_key[the settings'-retell-cancel]",
    ),
    _callers(
        name="the-settings-prove-where-a-secret-is-unreadable",
        old="        if platform in self.own:\n",
        new="        if self.own.get(platform):\n",
        test=f"{_SECRETS}test_a_secret_that_cannot_be_decrypted_proves_nothing",
    ),
    _callers(
        name="a-secret-of-vapi-signs-as-retell",
        old="        found = own.setdefault(one.platform, [])\n",
        new="        found = own.setdefault(one.platform, own.get(Platform.RETELL, []))\n",
        test=f"{_SECRETS}test_no_secret_but_its_own_opens_a_key[the other platform's-vapi-cancel]",
    ),
    _callers(
        name="a-key-has-secrets-without-end",
        old="if len(known) >= MOST:",
        new="if len(known) >= MOST * 10:",
        test=f"{_CLI}test_a_key_has_a_few_secrets_each_once",
    ),
    _callers(
        name="a-secret-that-settings-share-is-not-named",
        old="voice_secrets.shared(conn, ours)]",
        new="voice_secrets.shared(conn, ())]",
        test=f"{_CLI}test_check_names_the_keys_that_share_a_secret",
    ),
    _rows(
        name="a-tenants-secret-proves-for-another",
        old="    own = select(voice_secrets).where(_columns.api_key_id == api_key_id)\n",
        new="    own = select(voice_secrets).where(_columns.api_key_id > 0)\n",
        test=f"{_SECRETS}test_no_secret_but_its_own_opens_a_key[another tenant's-retell-cancel]",
    ),
    _rows(
        name="keys-that-share-a-secret-are-not-named",
        old="func.count() > 1",
        new="func.count() > 2",
        test=f"{_CLI}test_check_names_the_keys_that_share_a_secret",
    ),
    Breakage(
        name="an-agent-is-not-asked-for-its-proof",
        promise=7,
        file="worker/api/voice/proving.py",
        old="    if not proof(secrets):\n",
        new="    if secrets and not proof(secrets):\n",
        test=f"{_SECRETS}test_the_settings_prove_for_keys_of_default_without_a_secret",
    ),
    Breakage(
        name="a-revoked-key-keeps-its-secrets",
        promise=7,
        file="tasks/callers/keys.py",
        old="        voice_secrets.remove(conn, revoked)\n",
        new="",
        test=f"{_CLI}test_a_revoked_key_has_no_secrets",
    ),
    Breakage(
        name="agents-secrets-are-not-encrypted-again",
        promise=7,
        file="tasks/operations/accounts/__init__.py",
        old="            done += voice_secrets.replace_cipher(conn, secret, sealed)\n",
        new="",
        test=f"{_CLI}test_secrets_are_checked_and_encrypted_again_with_the_accounts_keys",
    ),
)
