"""The web application for any WSGI server: `granian --interface wsgi wsgi:app`."""

import os

from vrm.app import create_app
from vrm.config import read_settings
from vrm.web.warming import warm

_settings = read_settings(os.environ)
app = create_app(_settings)
warm(_settings)
