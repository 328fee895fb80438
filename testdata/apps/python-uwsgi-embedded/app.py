import sys


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"embedded {sys.version_info.major}.{sys.version_info.minor}".encode()]
