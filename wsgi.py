"""The web application: `granian --interface rsgi wsgi:front`.

Any WSGI server takes `wsgi:app`; it needs a proxy before it that hands on whole requests only, as nginx does.
"""

import os

from vrm.app import create_app
from vrm.config import read_settings
from vrm.kernel import logs
from vrm.web.front import Front
from vrm.web.warming import warm

settings = read_settings(os.environ)
logs.set_up(settings.log)  # In a process that the server makes, nobody else has.
app = create_app(settings)
front = Front(app)
warm(settings)
