"""The settings of the project."""

import os
from urllib.parse import urlsplit

_database = urlsplit(os.environ["DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.path[1:],
        "USER": _database.username,
        "PASSWORD": _database.password,
        "HOST": _database.hostname,
        "PORT": _database.port,
        "TEST": {"NAME": _database.path[1:]},
    }
}
INSTALLED_APPS = ["orders"]
ROOT_URLCONF = "urls"
ALLOWED_HOSTS = ["testserver"]
SECRET_KEY = "the shop's"
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"shop": {"format": "SHOP %(name)s %(levelname)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "shop"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
CELERY_BROKER_URL = CELERY_RESULT_BACKEND = os.environ["CELERY_BROKER_URL"]
CELERY_TASK_DEFAULT_QUEUE = "shop"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
