"""The settings of `booking serve`."""

from worker.settings.setting import Subject, setting
from worker.settings.values import ListenAddress, Networks, OwnNetworks, SecretList, SigningSecrets


class HttpSettings(Subject):
    """Say where the HTTP API listens, who proves what there, and what it sends."""

    http_address: ListenAddress = setting(
        "127.0.0.1:8080", "where `booking serve` listens; a proxy with TLS stands before it", unit="HOST:PORT"
    )
    http_metrics_address: ListenAddress | None = setting(
        None,
        "where Prometheus reads of `booking serve`, without a login, such as 127.0.0.1:9465; not given: nowhere",
        unit="HOST:PORT",
    )
    trusted_proxies: Networks = setting(
        (), "proxies whose X-Forwarded-For or Forwarded is believed; only wrong keys are counted by it", unit="networks"
    )
    retell_api_keys: SecretList = setting(
        (),
        "Retell's API keys, which sign its calls, separated by blanks; for keys of `default` without a secret of their "
        "own (`booking keys voice`)",
        repr=False,
    )
    vapi_secrets: SecretList = setting(
        (), "what Vapi sends as X-Vapi-Secret, separated by blanks; for the same keys", repr=False
    )
    callback_secret: SigningSecrets = setting(
        (),
        "signs callbacks: 32 random characters or more; a second one, after a blank, signs beside it during a change",
        repr=False,
    )
    calcom_webhook_secret: SigningSecrets = setting(
        (),
        "the addresses and secrets of Cal.com's webhooks, one pair for each account, are derived from it; 32 random "
        "characters or more; during a change a second one, after a blank, is accepted too",
        repr=False,
    )
    callback_networks: OwnNetworks = setting(
        (), "networks of yours that callbacks may go to beside public addresses, also by http", unit="networks"
    )
    callback_loopback_for_tests: bool = setting(
        False,
        "true: callbacks may go to this machine itself, by http and to any port; for tests and development alone",
    )
