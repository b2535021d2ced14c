# ruff: noqa
# Every rule of rules.yaml once: `make audit` sees to it that each is found here, so that none is blind.
import pickle
import random
import ssl

import requests
from flask import Blueprint, redirect, request
from markupsafe import Markup
from sqlalchemy import text

room = Blueprint("wrong", __name__)
secret = "s"


@room.get("/")
def page(code):
    withdraw(db(), code)
    if secret == request.args["secret"]:
        _log.info("%s came", account.email)
    session.execute(text(f"SELECT {code}"))
    answer.set_cookie("a", str(random.random()))
    context = ssl._create_unverified_context()
    pickle.loads(code)
    Markup(code)
    return redirect(request.args["next"])
