import http.server
import threading

import click
import requests


@click.command()
@click.option("--rows", type=int)
def main(rows):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    click.echo(f"{rows} rows, {requests.get(f'http://127.0.0.1:{server.server_port}/').status_code}")


if __name__ == "__main__":
    main()
