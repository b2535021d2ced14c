"""The web application for any WSGI server: `granian --interface wsgi wsgi:app`."""

import os

from vrm.app import create_app
from vrm.config import read_settings

app = create_app(read_settings(os.environ))
