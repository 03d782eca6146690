"""A shop that tracks its visitors."""

from flask import Flask, Response, make_response, session

app = Flask(__name__)
app.secret_key = "only for this tutorial"

PAGE = """<!doctype html>
<html lang="en">
<head><title>Shop</title></head>
<body><h1>Shop</h1></body>
</html>"""


@app.get("/")
def home() -> Response:
    session["basket"] = []
    response = make_response(PAGE)
    response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400)
    response.set_cookie("campaign", "autumn")
    return response
