"""Answers the shop's banner: each argument is an answer, of one more visitor."""

import importlib
import sys

app = importlib.import_module("flask_app").app

for answer in sys.argv[1:]:
    form = {"answer": answer, "from": "banner"}
    app.test_client().post("/cookies/choice", data=form, headers={"Sec-Fetch-Site": "same-origin"})
