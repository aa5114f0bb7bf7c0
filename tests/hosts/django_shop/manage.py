"""Django's command line."""

import faulthandler
import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    faulthandler.dump_traceback_later(100, exit=True)  # one that hangs says where
    execute_from_command_line(sys.argv)
