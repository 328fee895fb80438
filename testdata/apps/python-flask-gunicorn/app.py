import os

from flask import Flask, render_template, request


def create_app():
    app = Flask(__name__)

    @app.get("/")
    def index():
        return render_template("index.txt", name=request.args["name"], uid=os.getuid(), dir=os.getcwd())

    return app
