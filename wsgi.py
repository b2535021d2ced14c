"""The web application for any WSGI server: `granian --interface wsgi wsgi:app`."""

import os

from vrm.app import create_app
from vrm.config import read_settings
from vrm.kernel import logs

settings = read_settings(os.environ)
logs.set_up(settings.log)  # In a process that the server makes, nobody else has.
app = create_app(settings)
